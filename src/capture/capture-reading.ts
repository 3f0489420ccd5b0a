/** Runs over a capture file: a sink gets its interfaces and packets as they come. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../errors.js';
import { BrokenFile, type InputFile } from '../record/input-file.js';
import type { EndReason } from '../trace/trace.js';
import type { CapturedPacket, CaptureFormat, CaptureInterface, CaptureReader } from './capture.js';
import { type CaptureQuestions, CaptureSelection } from './capture-selection.js';
import { type LocatedPacket, linkTypeName, locate } from './link-layer.js';
import { isPcap, PcapReader } from './pcap-reader.js';
import { isPcapng, PcapngReader } from './pcapng-reader.js';
import { type Place, placeOf } from './place.js';

const congestedMs = 10;
const magicBytes = 4;

/** A packet that is wanted, and where it was captured; valid until the next one. */
export interface ShownPacket extends LocatedPacket {
  readonly place: Place;
  /** Counts those shown from 1. */
  readonly seq: number;
}

export interface CaptureSink {
  begin(format: CaptureFormat): void;
  /** Before the first of its packets. */
  interface(at: CaptureInterface, place: Place): void;
  packet(packet: ShownPacket): void;
  /** Time to write: more is waited for, or it is the end. */
  flush(): void;
  /** True while what was written does not go away: more packets have to wait. */
  readonly isCongested: boolean;
  /** Something the user should know. */
  notice(text: string): void;
}

export interface CaptureSummary {
  readonly reason: EndReason;
  readonly packets: number;
  readonly filteredOut: number;
  readonly undecided: number;
  /** Packets that the capture lost, by the id of the interface, as far as the file tells. */
  readonly dropped: ReadonlyMap<number, number>;
  /** The byte from which on nothing is whole. */
  readonly broken?: BrokenFile;
}

/** Whether a file that begins like this is read here; one of another kind may be told apart later. */
export async function isCapture(input: InputFile): Promise<boolean> {
  const start = await input.peek(magicBytes);
  return isPcap(start) || isPcapng(start);
}

async function readerOf({ path, stream }: InputFile): Promise<CaptureReader> {
  const reader = (await PcapReader.begin(stream)) ?? (await PcapngReader.begin(stream));
  if (reader) return reader;
  const format = isPcapng(await stream.peek(magicBytes)) ? 'pcapng' : 'pcap';
  throw new UsageError(
    `cannot read ${path}: it begins like a ${format} file, but its header is damaged, cut short or of another version`,
    undefined,
    'recording',
  );
}

export class CaptureReading {
  private reason: EndReason | undefined;
  private readonly selection: CaptureSelection;
  private readonly places: Place[] = [];
  private readonly toldLinkTypes = new Set<number>();
  /** What packets themselves tell of losses, where their interfaces do not. */
  private readonly dropped = new Map<number, number>();

  private constructor(
    private readonly input: InputFile,
    private readonly reader: CaptureReader,
    questions: CaptureQuestions,
    /** Bytes of each packet that are shown. */
    private readonly snaplen: number,
  ) {
    this.selection = new CaptureSelection(questions);
  }

  /** Throws UsageError where it is none that can be read. */
  static async open(input: InputFile, questions: CaptureQuestions, snaplen: number): Promise<CaptureReading> {
    return new CaptureReading(input, await readerOf(input), questions, snaplen);
  }

  get format(): CaptureFormat {
    return this.reader.format;
  }

  /** Also where more is waited for. */
  stop(reason: EndReason): void {
    this.reason ??= reason;
    this.input.close();
  }

  /** Shows what is whole; `broken` in the summary tells that there was more. Throws UsageError of a filter. */
  async run(sink: CaptureSink, progress: () => void = () => undefined): Promise<CaptureSummary> {
    const { selection, reader, input } = this;
    sink.begin(reader.format);
    input.stream.onWait = () => {
      sink.flush();
      progress();
    };
    const broken = await this.packets(sink);
    sink.flush();
    const { passed, filteredOut, undecided } = selection;
    return {
      ...{ packets: passed, filteredOut, undecided, reason: this.reason ?? 'asked' },
      dropped: new Map([...this.dropped, ...reader.dropped]),
      ...(broken && { broken }),
    };
  }

  private async packets(sink: CaptureSink): Promise<BrokenFile | undefined> {
    try {
      while (this.reason === undefined) {
        const captured = await this.reader.next();
        this.learn(sink);
        if (!captured) return undefined;
        this.take(captured, sink);
        while (sink.isCongested && this.reason === undefined) await sleep(congestedMs);
      }
    } catch (error) {
      // Closing the file ends what waits for more of it.
      if (this.reason !== undefined) return undefined;
      if (error instanceof BrokenFile) return error;
      throw error;
    }
    return undefined;
  }

  /** Interfaces that came since the last packet. */
  private learn(sink: CaptureSink): void {
    const { reader, places } = this;
    while (places.length < reader.interfaces.length) {
      const at = reader.interfaces[places.length]!;
      const place = placeOf(at);
      places.push(place);
      this.learnLinkType(at.linkType, place, sink);
      sink.interface(at, place);
    }
  }

  /** Of packets that we wrote without their bytes nothing more is to be said. */
  private learnLinkType(linkType: number, { stage }: Place, sink: CaptureSink): void {
    if (this.toldLinkTypes.has(linkType)) return;
    this.toldLinkTypes.add(linkType);
    const unasked = this.selection.prepare(linkType);
    if (stage) return;
    if (unasked !== undefined) sink.notice(`packets of link type ${linkType} are left out: ${unasked}`);
    else if (linkTypeName(linkType) === undefined)
      sink.notice(`link type ${linkType} is not dissected: of its packets length and bytes are shown`);
  }

  private take(captured: CapturedPacket, sink: CaptureSink): void {
    const { id } = captured.at;
    if (captured.dropCount !== undefined)
      this.dropped.set(id, (this.dropped.get(id) ?? 0) + captured.dropCount);
    const located = locate(captured);
    const place = this.places[id]!;
    if (!this.selection.wants(located, place)) return;
    const isLong = captured.bytes.length > this.snaplen;
    const shown = isLong ? locate({ ...captured, bytes: captured.bytes.subarray(0, this.snaplen) }) : located;
    const { packet, direction, ifindex } = shown;
    sink.packet({ captured: shown.captured, packet, direction, ifindex, place, seq: this.selection.passed });
    if (this.selection.isFull) this.stop('count');
  }
}
