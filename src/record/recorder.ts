/** Writes a recording while a trace runs: batches as they are drained, and what views will ask about them. */
import { type Batch, RecordView } from '../decode/record.js';
import { isFullSocket } from '../render/delivery-text.js';
import { stageByNumber } from '../stages/lookup.js';
import type { AttachmentLoss } from '../trace/ledger.js';
import type { Beginning, HookPlacement, LoggedTrace, TraceLog } from '../trace/log.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import { asksSocket } from '../trace/socket-takes.js';
import type { TraceSummary } from '../trace/trace.js';
import type { XdpProgram } from '../trace/xdp-keeper.js';
import { BatchScan, type ScanListener } from './batch-scan.js';
import {
  type Asked,
  deviceMessage,
  headerMessage,
  hookPositionMessage,
  lossMessage,
  netnsMessage,
  socketSetupMessage,
  summaryMessage,
  xdpMessage,
} from './messages.js';
import { type OutputFile, writeFailure } from './output-file.js';
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
  private readonly written = new Map<string, string>();
  private readonly told = new WeakSet<object>();
  private isMissing = false;
  private lastLosses = '';
  private isDead = false;
  /** Of records that no round has covered yet, the latest time; relative to the beginning. */
  private latestNs = Number.NEGATIVE_INFINITY;
  private coveredNs = Number.NEGATIVE_INFINITY;
  private safeEvents = 0;
  private readonly record = new RecordView();

  constructor(
    private readonly file: OutputFile,
    private readonly asked: Asked,
  ) {}

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
    this.write([magic, encodeChunk('header', headerMessage(beginning, this.asked))]);
    this.write(this.early);
    this.early = [];
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
    const { last, isMissing } = this.scan.scan(ring, batch, bytes);
    this.isMissing ||= isMissing;
    const lastNs = this.record.at(batch, last).timeNs - this.beginning!.clock.bootNs;
    this.latestNs = Math.max(this.latestNs, Number(lastNs));
    this.write([recordsPrefix(ring, bytes), batch.u8.subarray(0, bytes)]);
    if (!this.isDead) this.safeEvents = this.scan.events;
    return last;
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
    this.chunk('hookPosition', hookPositionMessage(placement));
  }

  gap({ netnsInum, fromNs, toNs, text }: HookGap): void {
    this.chunk('gap', { netns: netnsInum, fromNs: String(fromNs), toNs: String(toNs), text });
  }

  notice(text: string): void {
    this.chunk('notice', { text });
  }

  xdpProgram(netnsInum: number, ifindex: number, program: XdpProgram | undefined): void {
    this.chunk('names', { xdp: [xdpMessage(netnsInum, ifindex, program)] });
  }

  end(summary: TraceSummary, losses: readonly AttachmentLoss[]): void {
    this.flushNames();
    this.chunk('summary', summaryMessage(summary, losses, this.safeEvents));
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

  socket(record: RecordView): void {
    const { source, sockets } = this.beginning!;
    const stage = stageByNumber(record.stage);
    if (!stage || (stage.id !== 'delivery' && !isFullSocket({ stage, record }, source))) return;
    const inode = record.socketInode;
    const holders = source.socketHolders(inode);
    if (holders.length > 0 && this.isNews(holders))
      this.tellOnce('holders', inode, { inode, holders: holders.map((one) => ({ ...one })) });
    if (stage.id !== 'delivery' || !sockets || !asksSocket(record)) return;
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
    if (this.written.get(key) === text) return;
    this.written.set(key, text);
    const list = (this.names[kind] ?? []) as unknown[];
    this.names = { ...this.names, [kind]: [...list, value] };
  }

  private flushNames(): void {
    if (Object.keys(this.names).length === 0) return;
    this.chunk('names', this.names);
    this.names = {};
  }
}
