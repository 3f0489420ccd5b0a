/** Writes a recording while a trace runs: records as they are drained, and what views will ask about them. */
import { isNativeError, type NativeSession, nativeBinding, type RecordingWriter } from '../native/binding.js';
import type { RuleTraces } from '../netfilter/rule-trace.js';
import { stageById } from '../stages/lookup.js';
import { wakeUpNs } from '../trace/consumer.js';
import type { AttachmentLoss } from '../trace/ledger.js';
import type {
  Beginning,
  HookPlacement,
  KernelCounts,
  LoggedTrace,
  ReaderOptions,
  RingReader,
  TraceLog,
} from '../trace/log.js';
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
  magic,
  type Sparse,
  type SummaryMessage,
} from './schema.js';
import { ToldNames } from './told-names.js';

/** Journeys are closed after five silent seconds; nothing is due later. */
const toldAfterNs = 10_000_000_000;

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
  /** Of all records, relative to the beginning. */
  private latestNs = Number.NEGATIVE_INFINITY;

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
      onNews: () => this.tellNews(),
      onError: (error) => this.failed(error),
      ...(this.isSplit && { beforeChunk: () => this.turn() }),
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
    this.takeMet();
    this.write(this.namesAndLosses());
    const losses = this.trace!.losses();
    this.endFile(splitMessage(losses, this.taken - this.closedEvents, this.latestNs / 1e9));
    this.closedEvents = this.taken;
    if (this.isDead) return;
    if (turn === 'end') {
      this.die();
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
      this.die();
      this.trace?.failed(error as Error);
    }
  }

  /** Nothing is written from now on. */
  private die(): void {
    this.isDead = true;
    this.writer?.stop();
    this.writer?.setFile(-1, false);
  }

  private failed(error: unknown): void {
    this.die();
    const isWriting = isNativeError(error) && error.operation === 'write';
    if (!isWriting) this.trace?.failed(error as Error);
    else if (error.code === 'EPIPE') this.trace?.closed();
    else this.trace?.failed(writeFailure(this.file.path, error, this.events));
  }

  /** Gives back what `use` does; undefined once nothing can be written any more. */
  private writing<T>(use: (writer: RecordingWriter) => T): T | undefined {
    if (this.isDead) return undefined;
    try {
      return use(this.writer!);
    } catch (error) {
      this.failed(error);
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

  reader(session: NativeSession, { behindNs, lazyBelowBytes }: ReaderOptions): RingReader | undefined {
    const writer = this.writer!;
    if (this.asked.compress) return undefined;
    return {
      start: () => writer.start(session, behindNs, lazyBelowBytes),
      halt: () => writer.stop(),
      finish: () => this.writing(() => writer.finish()),
      get givenOutUntilNs() {
        return writer.readUntilNs() ?? nativeBinding().clocks().bootNs - wakeUpNs;
      },
      get highWaterBytes() {
        return writer.highWaterBytes();
      },
    };
  }

  batch(ring: number, records: Uint8Array): number {
    if (this.isSplit) this.turn();
    const lastNs = this.writing((writer) => {
      if (!this.asked.compress) return writer.add(ring, records);
      const last = writer.look(ring, records);
      writer.append(encodeChunk('packed', { ring, records: packed(records) }));
      return last;
    });
    return lastNs ?? 0;
  }

  round(untilNs: number): void {
    this.writing((writer) => writer.round(untilNs));
  }

  /** Before a round ends in which something was met. Throws NativeError. */
  private tellNews(): void {
    this.takeMet();
    for (const chunk of this.namesAndLosses()) this.writer!.append(chunk);
  }

  private takeMet(): void {
    const { chunks, isMissing, news } = this.writer!.take();
    for (const chunk of chunks) {
      this.index.add(chunk);
      this.taken += chunk.events;
      this.latestNs = Math.max(this.latestNs, chunk.lastNs);
    }
    this.isMissing ||= isMissing;
    const unknown = news ? this.names.learn(news, this.beginning) : [];
    for (const { netnsInum, ifindex } of unknown) this.writer!.forgetDevice(netnsInum, ifindex);
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
    this.takeMet();
    const sinceNs = bootNs - this.beginning.clock.bootNs;
    if (this.taken > 0 && Number(sinceNs) < this.latestNs + toldAfterNs)
      this.chunk('passed', { bootNs: String(bootNs) });
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

  ruleTraces({ netnsInum, messages, ...times }: RuleTraces): void {
    this.chunk('ruleTraces', { netns: netnsInum, ...times, messages: messages.map((one) => ({ ...one })) });
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
    this.takeMet();
    this.write(this.namesAndLosses());
    this.endFile(summaryMessage(summary, losses, kernel, this.taken - this.closedEvents));
    this.die();
  }
}
