/** Writes a recording while a trace runs: batches as they are drained, and what views will ask about them. */
import { type Batch, RecordView } from '../decode/record.js';
import type { RuleTraces } from '../netfilter/rule-trace.js';
import { isFullSocket } from '../render/delivery-text.js';
import { stageByNumber } from '../stages/lookup.js';
import type { AttachmentLoss } from '../trace/ledger.js';
import type { Beginning, HookPlacement, KernelCounts, LoggedTrace, TraceLog } from '../trace/log.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import { PendingDeliveries } from '../trace/pending-deliveries.js';
import { asksSocket } from '../trace/socket-takes.js';
import type { TraceSummary } from '../trace/trace.js';
import type { XdpProgram } from '../trace/xdp-keeper.js';
import { BatchScan, type ScanListener } from './batch-scan.js';
import { FileNames, type Rotation } from './file-names.js';
import {
  type Asked,
  deviceMessage,
  headerMessage,
  hookPositionMessage,
  lossMessage,
  netnsMessage,
  socketSetupMessage,
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
  type NamesMessage,
  recordsPrefix,
  type Sparse,
} from './schema.js';

/** Journeys are closed after five silent seconds; nothing is due later. */
const toldAfterNs = 10_000_000_000;

export class Recorder implements TraceLog, ScanListener {
  private trace: LoggedTrace | undefined;
  private beginning: Beginning | undefined;
  /** What was told before the trace had begun. */
  private early: Buffer[] = [];
  private scan!: BatchScan;
  private names: Sparse<NamesMessage> = {};
  /** What the file has, by what it is about. */
  private readonly written = new Map<string, { text: string; names: Sparse<NamesMessage> }>();
  /** The last two of each link: packets that passed the one before may still come. */
  private readonly placements = new Map<string, HookPlacement[]>();
  /** Events in files that are closed. */
  private closedEvents = 0;
  private files = 1;
  private readonly told = new WeakSet<object>();
  private readonly pending = new PendingDeliveries();
  private isMissing = false;
  private lastLosses = '';
  private isDead = false;
  /** Of records that no round has covered yet, the latest time; relative to the beginning. */
  private latestNs = Number.NEGATIVE_INFINITY;
  private coveredNs = Number.NEGATIVE_INFINITY;
  private safeEvents = 0;
  private readonly record = new RecordView();

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
    return this.safeEvents;
  }

  connect(trace: LoggedTrace): void {
    this.trace = trace;
  }

  begin(beginning: Beginning): void {
    this.beginning = beginning;
    this.scan = new BatchScan(beginning.rings, this);
    this.write([this.head(beginning)]);
    this.write(this.early);
    this.early = [];
  }

  private head(beginning: Beginning): Buffer {
    return Buffer.concat([magic, encodeChunk('header', headerMessage(beginning, this.asked))]);
  }

  /** What is told at the end. */
  get place(): string {
    const { path } = this.file;
    if (this.files > 1) return `${this.files} files, the last one ${path}`;
    return path === '-' ? 'the recording' : path;
  }

  /** Goes on in another file, which begins with everything that is known so far. */
  private turn(): void {
    const turn = this.isDead ? 'stay' : this.fileNames.turn(this.file.bytes, new Date());
    if (turn === 'stay') return;
    const losses = this.trace!.losses();
    this.chunk('summary', splitMessage(losses, this.scan.events - this.closedEvents, this.latestNs / 1e9));
    this.file.close();
    this.closedEvents = this.scan.events;
    if (turn === 'end') {
      this.isDead = true;
      this.trace?.enough();
      return;
    }
    this.open(this.fileNames.current);
    this.write([this.head(this.beginning!)]);
    for (const { names } of this.written.values()) this.chunk('names', names);
    for (const placement of [...this.placements.values()].flat()) this.tellPlacement(placement);
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

  private write(pieces: readonly Uint8Array[]): void {
    if (this.isDead) return;
    try {
      this.file.write(pieces);
    } catch (error) {
      this.isDead = true;
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') this.trace?.closed();
      else this.trace?.failed(writeFailure(this.file.path, error, this.safeEvents));
    }
  }

  private chunk<K extends BodyKind>(kind: K, value: Sparse<Bodies[K]>): void {
    const chunk = encodeChunk(kind, value);
    if (this.beginning) this.write([chunk]);
    else this.early.push(chunk);
  }

  batch(ring: number, batch: Batch, bytes: number): number {
    if (this.isSplit) this.turn();
    const { last, isMissing } = this.scan.scan(ring, batch, bytes);
    this.isMissing ||= isMissing;
    const lastNs = this.record.at(batch, last).timeNs - this.beginning!.clock.bootNs;
    this.latestNs = Math.max(this.latestNs, Number(lastNs));
    this.records(ring, batch.u8.subarray(0, bytes));
    if (!this.isDead) this.safeEvents = this.scan.events;
    return last;
  }

  private records(ring: number, bytes: Uint8Array): void {
    if (this.asked.compress) this.chunk('packed', { ring, records: packed(bytes) });
    else this.write([recordsPrefix(ring, bytes.length), bytes]);
  }

  round(untilNs: number): void {
    if (this.latestNs <= this.coveredNs) return;
    this.coveredNs = untilNs;
    this.flushNames();
    if (this.isMissing) this.tellLosses();
    if (untilNs === Number.NEGATIVE_INFINITY) return;
    const { bootNs } = this.beginning!.clock;
    this.chunk('round', Number.isFinite(untilNs) ? { untilNs: String(bootNs + BigInt(untilNs)) } : {});
  }

  private tellLosses(): void {
    this.isMissing = false;
    const lost = this.trace!.losses().filter(({ ring, recursion }) => ring > 0 || (recursion ?? 0) > 0);
    const key = JSON.stringify(lost);
    if (key === this.lastLosses) return;
    this.lastLosses = key;
    this.chunk('loss', { lost: lost.map(lossMessage) });
  }

  passed(bootNs: bigint): void {
    const sinceNs = bootNs - this.beginning!.clock.bootNs;
    if (this.scan.events > 0 && Number(sinceNs) < this.latestNs + toldAfterNs)
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
    this.written.set(`xdp ${netnsInum}/${ifindex}`, { text: '', names });
    this.chunk('names', names);
  }

  end(summary: TraceSummary, losses: readonly AttachmentLoss[], kernel: KernelCounts): void {
    if (this.isDead) return;
    this.flushNames();
    this.chunk('summary', summaryMessage(summary, losses, kernel, this.safeEvents - this.closedEvents));
    this.file.close();
  }

  device(netnsInum: number, ifindex: number): boolean {
    const device = this.beginning!.source.devices.find(netnsInum, ifindex);
    if (!device) return false;
    this.tellOnce('namespaces', device.netns.inum, netnsMessage(device.netns));
    this.tellOnce('devices', `${netnsInum}/${ifindex}`, deviceMessage(device));
    return true;
  }

  location(address: bigint): void {
    this.tellOnce('symbols', address, {
      address: String(address),
      name: this.beginning!.source.symbol(address),
    });
  }

  stack(stackId: number): void {
    const addresses = this.beginning!.source.stack(stackId);
    for (const address of addresses) this.location(address);
    this.tellOnce('stacks', stackId, { id: stackId, addresses: addresses.map(String) });
  }

  dropReason(value: number): void {
    this.tellOnce('dropReasons', value, { value, name: this.beginning!.source.dropReason(value) });
  }

  socket(scanned: RecordView): void {
    const { source, sockets } = this.beginning!;
    const isAnswer = scanned.is('amends');
    const record = isAnswer ? this.pending.answered(scanned) : scanned;
    if (!record) return;
    const stage = stageByNumber(record.stage);
    if (!stage || (stage.id !== 'delivery' && !isFullSocket({ stage, record }, source))) return;
    const inode = record.socketInode;
    const holders = source.socketHolders(inode);
    if (holders.length > 0 && this.isNews(holders))
      this.tellOnce('holders', inode, { inode, holders: holders.map((one) => ({ ...one })) });
    if (stage.id !== 'delivery' || !sockets) return;
    if (!isAnswer && !record.has('aux')) this.pending.keep(record);
    if (!asksSocket(record)) return;
    const socket = sockets.socketOf(record);
    if (this.isNews(socket))
      this.tellOnce('setups', `${inode}/${socket.filterAddress}`, socketSetupMessage(socket));
  }

  /** Sources give the same object while nothing has changed. */
  private isNews(answer: object): boolean {
    if (this.told.has(answer)) return false;
    this.told.add(answer);
    return true;
  }

  /** Gathers it for the next chunk of names, unless the file has it already. */
  private tellOnce<K extends keyof NamesMessage>(
    kind: K,
    id: string | number | bigint,
    value: NamesMessage[K][number],
  ): void {
    const key = `${kind} ${id}`;
    const text = JSON.stringify(value);
    if (this.written.get(key)?.text === text) return;
    this.written.set(key, { text, names: { [kind]: [value] } });
    const list = (this.names[kind] ?? []) as unknown[];
    this.names = { ...this.names, [kind]: [...list, value] };
  }

  private flushNames(): void {
    if (Object.keys(this.names).length === 0) return;
    this.chunk('names', this.names);
    this.names = {};
  }
}
