/** Events as blocks of a pcapng file: an interface for each stage, device and namespace, and what metadata tells. */

import { directionFlag } from '../capture/pcapng-codes.js';
import { applicationName, commentStart, placeWords } from '../capture/place.js';
import type { DecodedPacket } from '../decode/packet.js';
import { isOfTask } from '../decode/record.js';
import { positionText } from '../netfilter/words.js';
import type { TapEvent } from '../trace/event.js';
import { notesOf } from '../trace/notes.js';
import type { TraceHeader, TraceSummary } from '../trace/trace.js';
import { verdictText } from '../trace/verdicts.js';
import { deliveryText } from './delivery-text.js';
import {
  interfaceBlock,
  linkTypes,
  packetBlock,
  sectionBlock,
  statisticsBlock,
  xdpVerdict,
} from './pcapng.js';
import { printable } from './printable.js';

const addressBytes = 12;
const tagBytes = 4;
const CHECKSUM_UNNECESSARY = 1;
const CHECKSUM_PARTIAL = 3;
/** epb_flags. */
const flag = {
  ...directionFlag,
  checksumNotReady: 1 << 9,
  checksumValid: 1 << 10,
  segmentation: 1 << 11,
} as const;
const receptionShift = 2;
/** How it came, by PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST: unicast, broadcast, multicast, promiscuous. */
const receptions = [1, 3, 2, 4] as const;
const packetOutgoing = 4;

interface Interface {
  readonly id: number;
  readonly stage: TapEvent['stage']['id'];
  received: number;
}

export class EventPcapng {
  /** Of this run. */
  private readonly interfaces = new Map<string, Interface>();
  private described = 0;
  private last = { seconds: 0, nanos: 0 };

  constructor(
    private header: TraceHeader,
    private readonly version: string,
  ) {}

  begin(): Buffer {
    return sectionBlock({ os: this.os, application: applicationName(this.version) });
  }

  /** Another run, in the same section: its attachments are others, and so are its interfaces. */
  goOn(header: TraceHeader): void {
    this.header = header;
    this.interfaces.clear();
  }

  private get os(): string {
    return `Linux ${this.header.features.release}`;
  }

  /** `packet`: the number of its journey, where packets are told apart. */
  event(event: TapEvent, packet: number | undefined): Buffer[] {
    const { record } = event;
    const blocks: Buffer[] = [];
    const face = this.interfaceOf(event, blocks);
    const { seconds, nanos } = this.header.names.clock.read(record.timeHigh, record.timeLow);
    this.last = { seconds, nanos };
    face.received += 1;
    const { bytes, len } = storedBytes(event);
    blocks.push(
      packetBlock({
        ...{ interfaceId: face.id, seconds, nanos, bytes, len, flags: flagsOf(event) },
        dropCount: event.lostBefore || undefined,
        packetId: packet || undefined,
        queue: record.has('queue') ? record.queue : undefined,
        verdict: event.stage.id === 'xdp' && record.has('verdict') ? xdpVerdict(record.verdict) : undefined,
        process: isOfTask(record) ? { pid: record.pid, tid: record.tid } : undefined,
        comment: this.comment(event),
      }),
    );
    return blocks;
  }

  private interfaceOf({ record, stage, attachment, packet }: TapEvent, blocks: Buffer[]): Interface {
    const netns = record.has('netns') ? record.netnsInum : 0;
    const ifindex = record.has('ifindex') ? record.ifindex : 0;
    const linkType = record.isKeyOnly ? 'unknown' : packet.linkType;
    const key = `${attachment.attachId} ${netns} ${ifindex} ${linkType}`;
    const known = this.interfaces.get(key);
    if (known) return known;
    const made: Interface = { id: this.described, stage: stage.id, received: 0 };
    this.interfaces.set(key, made);
    this.described += 1;
    const { names, options } = this.header;
    const device = ifindex === 0 ? undefined : names.deviceLabel(netns, ifindex);
    blocks.push(
      interfaceBlock({
        ...{ linkType: linkTypes[linkType], snaplen: options.snaplen, os: this.os, filter: options.filter },
        ...placeWords({ stage, device, netns, attachment }),
      }),
    );
    return made;
  }

  /** One line for people: stage and function, then what explains the packet. */
  private comment(event: TapEvent): string {
    const { stage, attachment, record, hook } = event;
    const { names } = this.header;
    const parts = [commentStart({ stage: stage.id, function: attachment.function })];
    const verdict = verdictText(event);
    if (verdict) parts.push(verdict);
    if (hook) parts.push(printable(positionText(hook)));
    if (stage.id === 'drop') {
      const reason = record.has('reason') ? ` ${names.dropReason(record.reason)}` : '';
      const death = names.death(record);
      parts.push(`dropped:${reason}${death ? ` ${death.text}` : ''}`);
    }
    if (stage.id === 'delivery') parts.push(deliveryText(event, names));
    if (isOfTask(record)) parts.push(`in ${names.comm(record)}[${record.pid}]`);
    return [...parts, ...notesOf(event)].join('; ');
  }

  /** What was received and lost at each interface. */
  end({ ledger }: TraceSummary): Buffer[] {
    const told = new Set<string>();
    return [...this.interfaces.values()].map(({ id, stage, received }) => {
      const loss = told.has(stage) ? undefined : ledger.lostByStage[stage];
      const dropped = loss && loss.ring + (loss.recursion ?? 0);
      told.add(stage);
      const comment = dropped ? `events lost at ${stage}, whatever the device` : undefined;
      return statisticsBlock({ interfaceId: id, ...this.last, received, dropped, comment });
    });
  }
}

/** As libpcap stores it: with the tag that lives beside the bytes put back. */
function storedBytes({ packet, record }: TapEvent): { bytes: Uint8Array; len: number } {
  const { offset, capLen, len, vlan } = packet;
  if (record.isKeyOnly) return { bytes: new Uint8Array(0), len };
  const bytes = packet.bytes.subarray(offset, offset + capLen);
  if (!vlan || packet.linkType !== 'ethernet' || capLen < addressBytes) return { bytes, len };
  return { bytes: tagged(bytes, vlan), len: len + tagBytes };
}

function tagged(bytes: Uint8Array, { protocol, tci }: NonNullable<DecodedPacket['vlan']>): Uint8Array {
  const tag = Buffer.alloc(tagBytes);
  tag.writeUInt16BE(protocol, 0);
  tag.writeUInt16BE(tci, 2);
  return Buffer.concat([bytes.subarray(0, addressBytes), tag, bytes.subarray(addressBytes)]);
}

function flagsOf({ stage, record }: TapEvent): number {
  const type = record.has('packetType') ? record.packetType : undefined;
  const isOut = stage.direction === 'tx' || (stage.direction !== 'rx' && type === packetOutgoing);
  const isIn = stage.direction === 'rx';
  let flags = isOut ? flag.out : isIn ? flag.in : 0;
  if (isIn && type !== undefined) flags |= (receptions[type] ?? 0) << receptionShift;
  if (record.has('checksum') && record.ipSummed === CHECKSUM_PARTIAL) flags |= flag.checksumNotReady;
  if (record.has('checksum') && record.ipSummed === CHECKSUM_UNNECESSARY) flags |= flag.checksumValid;
  if (record.has('gso')) flags |= flag.segmentation;
  return flags;
}
