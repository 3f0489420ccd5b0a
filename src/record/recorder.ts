/** Writes a recording while a trace runs: records as they are drained, and what views will ask about them. */
import {
  drainEnd,
  type NativeSession,
  nativeBinding,
  type RecordingWriter,
  type RecordNews,
  type TakenRecords,
} from '../native/binding.js';
import { stageById } from '../stages/lookup.js';
import type { AttachmentLoss } from '../trace/ledger.js';
import type { Beginning, HookPlacement, KernelCounts, LoggedTrace, RingRead, TraceLog } from '../trace/log.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import type { TraceSummary } from '../trace/trace.js';
import type { XdpProgram } from '../trace/xdp-keeper.js';
import { FileNames, type Rotation } from './file-names.js';
import { IndexBuilder } from './index-builder.js';
import {
  type Asked,
  headerMessage,
  hookPositionMessage,
  lossMessage,
  splitMessage,
  summaryMessage,
  xdpMessage,
} from './messages.js';
import { OutputFile, writeFailure } from './output-file.js';
import { packed } from './packed.js';
import {
  type Bodies,
  type BodyKind,
  encodeChunk,
  encodeTimeChunk,
  magic,
  type Sparse,
  type SummaryMessage,
} from './schema.js';
import { ToldNames } from './told-names.js';

/** Journeys are closed after five silent seconds; nothing is due later. */
const toldAfterNs = 10_000_000_000;
/** As many as one chunk holds that is to be compressed. */
const packedBatchBytes = 1 << 19;
const nothingRead: RingRead = { bytes: 0, end: drainEnd.empty, lastNs: 0 };

export class Recorder implements TraceLog {
  private trace: LoggedTrace | undefined;
  private beginning!: Beginning;
  private writer: RecordingWriter | undefined;
  /** What was told before the trace had begun. */
  private early: Buffer[] = [];
  private readonly names = new ToldNames();
  private index = new IndexBuilder();
  /** The last two of each link: packets that passed the one before may still come. */
  private readonly placements = new Map<string, HookPlacement[]>();
  private taken = 0;
  /** Events in files that are closed. */
  private closedEvents = 0;
  private files = 1;
  private isMissing = false;
  private lastLosses = '';
  private isDead = false;
  /** Of records that no round has covered yet, the latest time; relative to the beginning. */
  private latestNs = Number.NEGATIVE_INFINITY;
  private coveredNs = Number.NEGATIVE_INFINITY;
  private readonly packing: { batch: Uint8Array; end: Uint32Array } | undefined;

  private file: OutputFile;
  private readonly fileNames: FileNames;

  /** Opens the first file. Throws UsageError. */
  constructor(
    path: string,
    private readonly asked: Asked,
    private readonly rotation: Rotation = {},
  ) {
    this.fileNames = new FileNames(path, rotation, new Date());
    this.file = new OutputFile(this.fileNames.current);
    if (asked.compress)
      this.packing = { batch: new Uint8Array(packedBatchBytes), end: new Uint32Array(1) };
  }

  /** Events in whole chunks. */
  get events(): number {
    return this.writer?.safeEvents() ?? 0;
  }

  connect(trace: LoggedTrace): void {
    this.trace = trace;
  }

  begin(beginning: Beginning): void {
    this.beginning = beginning;
    this.writer = new (nativeBinding().RecordingWriter)({
      ...{ rings: beginning.rings, bootNs: beginning.clock.bootNs },
      ...{ deliveryStage: stageById('delivery').number, dropStage: stageById('drop').number },
    });
    this.beginFile();
    this.write(this.early);
    this.early = [];
  }

  private beginFile(): void {
    this.writer!.setFile(this.file.fd, this.file.isRegular);
    this.index = new IndexBuilder();
    this.write([magic, encodeChunk('header', headerMessage(this.beginning, this.asked))]);
  }

  /** What is told at the end. */
  get place(): string {
    const { path } = this.file;
    if (this.files > 1) return `${this.files} files, the last one ${path}`;
    return path === '-' ? 'the recording' : path;
  }

  /** Goes on in another file, which begins with everything that is known so far. */
  private turn(): void {
    const turn = this.isDead ? 'stay' : this.fileNames.turn(this.writer!.offset(), new Date());
    if (turn === 'stay') return;
    const losses = this.trace!.losses();
    this.endFile(splitMessage(losses, this.taken - this.closedEvents, this.latestNs / 1e9));
    this.closedEvents = this.taken;
    if (turn === 'end') {
      this.isDead = true;
      this.trace?.enough();
      return;
    }
    this.open(this.fileNames.current);
    if (this.isDead) return;
    this.beginFile();
    this.write(this.names.all.map((names) => encodeChunk('names', names)));
    for (const placement of [...this.placements.values()].flat()) this.tellPlacement(placement);
  }

  private endFile(summary: SummaryMessage): void {
    const summaryOffset = this.writer!.offset();
    this.chunk('summary', summary);
    const index = this.index.message(this.beginning.clock.bootNs, summaryOffset, this.writer!.offset());
    this.chunk('index', index);
    this.file.close();
  }

  private open(path: string): void {
    try {
      this.file = new OutputFile(path);
      this.files += 1;
    } catch (error) {
      this.isDead = true;
      this.trace?.failed(error as Error);
    }
  }

  /** Gives back what `use` does; undefined once nothing can be written any more. */
  private writing<T>(use: (writer: RecordingWriter) => T): T | undefined {
    if (this.isDead) return undefined;
    try {
      return use(this.writer!);
    } catch (error) {
      this.isDead = true;
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') this.trace?.closed();
      else this.trace?.failed(writeFailure(this.file.path, error, this.events));
      return undefined;
    }
  }

  private write(chunks: readonly Uint8Array[]): void {
    this.writing((writer) => {
      for (const chunk of chunks) writer.append(chunk);
      writer.flush();
    });
  }

  private chunk<K extends BodyKind>(kind: K, value: Sparse<Bodies[K]>): void {
    const chunk = encodeChunk(kind, value);
    if (this.writer) this.write([chunk]);
    else this.early.push(chunk);
  }

  drain(session: NativeSession, ring: number): RingRead {
    if (this.packing) return this.drainPacked(session, ring, this.packing);
    if (this.isSplit) this.turn();
    const offset = this.writer!.offset();
    const drained = this.writing((writer) => writer.drain(session, ring));
    if (!drained) return nothingRead;
    if (drained.bytes > 0) this.took(drained, offset);
    return drained;
  }

  private drainPacked(
    session: NativeSession,
    ring: number,
    { batch, end }: { batch: Uint8Array; end: Uint32Array },
  ): RingRead {
    const bytes = session.drain(ring, batch, 0, end);
    const lastNs = bytes > 0 ? this.batch(ring, batch.subarray(0, bytes)) : 0;
    return { bytes, end: end[0]!, lastNs };
  }

  batch(ring: number, records: Uint8Array): number {
    if (this.isSplit) this.turn();
    const offset = this.writer!.offset();
    const taken = this.writing((writer) => {
      if (!this.packing) return writer.add(ring, records);
      const looked = writer.look(ring, records);
      writer.append(encodeChunk('packed', { ring, records: packed(records) }));
      return looked;
    });
    if (taken) this.took(taken, offset);
    return taken?.lastNs ?? 0;
  }

  private took({ events, firstNs, latestNs, isMissing, news }: TakenRecords, offset: number): void {
    this.taken += events;
    this.isMissing ||= isMissing;
    this.latestNs = Math.max(this.latestNs, latestNs);
    this.index.add({ offset, events, firstNs, lastNs: latestNs });
    if (news) this.learn(news);
  }

  private learn(news: RecordNews): void {
    for (const { netnsInum, ifindex } of this.names.learn(news, this.beginning))
      this.writer!.forgetDevice(netnsInum, ifindex);
  }

  round(untilNs: number): void {
    if (this.latestNs <= this.coveredNs) return;
    this.coveredNs = untilNs;
    const { bootNs } = this.beginning.clock;
    const chunks = this.namesAndLosses();
    if (Number.isFinite(untilNs)) chunks.push(encodeTimeChunk('round', bootNs + BigInt(untilNs)));
    else if (untilNs > 0) chunks.push(encodeChunk('round', {}));
    this.write(chunks);
  }

  /** What has to stand in front of the next round. */
  private namesAndLosses(): Buffer[] {
    const names = this.names.take();
    const lost = this.isMissing ? this.newLosses() : undefined;
    this.isMissing = false;
    return [
      ...(names ? [encodeChunk('names', names)] : []),
      ...(lost ? [encodeChunk('loss', { lost: lost.map(lossMessage) })] : []),
    ];
  }

  /** Undefined where they are known. */
  private newLosses(): AttachmentLoss[] | undefined {
    const lost = this.trace!.losses().filter(({ ring, recursion }) => ring > 0 || (recursion ?? 0) > 0);
    const key = JSON.stringify(lost);
    if (key === this.lastLosses) return undefined;
    this.lastLosses = key;
    return lost;
  }

  passed(bootNs: bigint): void {
    const sinceNs = bootNs - this.beginning.clock.bootNs;
    if (this.taken > 0 && Number(sinceNs) < this.latestNs + toldAfterNs)
      this.write([encodeTimeChunk('passed', bootNs)]);
  }

  hookPlaced(placement: HookPlacement): void {
    if (this.isSplit) {
      const { netnsInum, family, hook, slot } = placement;
      const key = [netnsInum, family, hook, slot].join();
      this.placements.set(key, [...(this.placements.get(key)?.slice(-1) ?? []), placement]);
    }
    this.tellPlacement(placement);
  }

  private tellPlacement(placement: HookPlacement): void {
    this.chunk('hookPosition', hookPositionMessage(placement));
  }

  private get isSplit(): boolean {
    return this.rotation.bytes !== undefined || this.rotation.seconds !== undefined;
  }

  gap({ netnsInum, fromNs, toNs, text }: HookGap): void {
    this.chunk('gap', { netns: netnsInum, fromNs: String(fromNs), toNs: String(toNs), text });
  }

  notice(text: string): void {
    this.chunk('notice', { text });
  }

  xdpProgram(netnsInum: number, ifindex: number, program: XdpProgram | undefined): void {
    const names = { xdp: [xdpMessage(netnsInum, ifindex, program)] };
    this.names.remember(`xdp ${netnsInum}/${ifindex}`, JSON.stringify(names), names);
    this.chunk('names', names);
  }

  end(summary: TraceSummary, losses: readonly AttachmentLoss[], kernel: KernelCounts): void {
    if (this.isDead) return;
    this.write(this.namesAndLosses());
    this.endFile(summaryMessage(summary, losses, kernel, this.taken - this.closedEvents));
  }
}
