/** A capture file as NDJSON lines, its packets written straight into bytes. A key whose value is not known is absent. */
import type { CaptureFormat, CaptureInterface } from '../capture/capture.js';
import type { CaptureSummary, ShownPacket } from '../capture/capture-reading.js';
import type { Place } from '../capture/place.js';
import type { CaptureInterfaceLine, CaptureLine, CaptureSummaryLine } from '../lines/capture.js';
import type { ByteWriter } from './byte-writer.js';
import { writePacketFacts } from './packet-json.js';
import { printable } from './printable.js';
import { WallClock } from './time.js';
import { schemaVersion } from './trace-json.js';

const directions = { in: 'rx', out: 'tx' } as const;

const textOf = <Key extends string>(key: Key, value: string | undefined): Partial<Record<Key, string>> =>
  value === undefined ? {} : ({ [key]: printable(value) } as Record<Key, string>);

export function captureJson(format: CaptureFormat, version: string, filter: string | undefined): CaptureLine {
  return {
    ...{ type: 'capture', schema: schemaVersion, taptrace: version, format },
    ...(filter !== undefined && { filter }),
  };
}

export function interfaceJson(at: CaptureInterface, place: Place): CaptureInterfaceLine {
  const { stage, mechanism, observed, netns } = place;
  return {
    ...{ type: 'interface', id: at.id, linkType: at.linkType, snaplen: at.snaplen },
    ...textOf('ifname', place.device),
    ...(stage && { stage: stage.id }),
    ...textOf('function', place.function),
    ...(mechanism !== undefined && { mechanism }),
    ...(observed !== undefined && { observed }),
    ...(netns !== undefined && { netns }),
    ...textOf('description', at.description),
    ...textOf('filter', at.filter),
    ...textOf('os', at.os),
    ...textOf('application', at.application),
  };
}

/** Packets that a capture lost, over all its interfaces; undefined where its file tells nothing. */
export function droppedPackets({ dropped }: CaptureSummary): number | undefined {
  if (dropped.size === 0) return undefined;
  return [...dropped.values()].reduce((sum, one) => sum + one, 0);
}

export function captureSummaryJson(summary: CaptureSummary): CaptureSummaryLine {
  const { packets, filteredOut, undecided, reason } = summary;
  const dropped = droppedPackets(summary);
  return {
    ...{ type: 'capture-summary', packets, filteredOut, undecided },
    ...(dropped !== undefined && { dropped }),
    reason,
  };
}

export class CaptureJson {
  private readonly clock = new WallClock();
  /** What every packet of an interface has in common, by its id. */
  private readonly places: string[] = [];

  constructor(private readonly out: ByteWriter) {}

  interface(at: CaptureInterface, place: Place): void {
    const { stage, netns, ifname } = interfaceJson(at, place);
    this.places[at.id] = `,${JSON.stringify({ interface: at.id, stage, netns, ifname }).slice(1, -1)}`;
  }

  /** Writes the packet alone. */
  object(shown: ShownPacket): void {
    const { captured, packet, direction, ifindex } = shown;
    const { out } = this;
    out.ascii('{"type":"packet","seq":');
    out.decimal(shown.seq);
    this.time(captured.time);
    out.text(this.places[captured.at.id]!);
    if (ifindex !== undefined) this.number('ifindex', ifindex);
    if (direction) out.ascii(`,"direction":"${directions[direction]}"`);
    if (captured.packetId !== undefined) out.ascii(`,"packetId":"${captured.packetId}"`);
    if (captured.dropCount !== undefined) this.number('dropCount', captured.dropCount);
    if (captured.queue !== undefined) this.number('queue', captured.queue);
    if (captured.process) {
      this.number('pid', captured.process.pid);
      this.number('tid', captured.process.tid);
    }
    this.number('len', packet.len);
    this.number('capLen', packet.capLen);
    writePacketFacts(out, packet);
    if (captured.comment !== undefined) out.text(`,"comment":${JSON.stringify(printable(captured.comment))}`);
    out.ascii('}');
  }

  private time(time: ShownPacket['captured']['time']): void {
    if (!time) return;
    const { out, clock } = this;
    out.ascii(',"time":"');
    out.ascii(clock.set(time).isoSecond());
    out.padded(clock.nanos, 9);
    out.ascii('Z"');
  }

  private number(key: string, value: number): void {
    this.out.ascii(`,"${key}":${value}`);
  }
}
