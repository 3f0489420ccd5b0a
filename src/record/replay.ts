/** A recording as a trace: the same sink gets the same header, events and summary as it did live. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Merger } from '../decode/merge.js';
import type { Batch } from '../decode/record.js';
import { EventMaker } from '../trace/event-maker.js';
import { type AttachmentLoss, makeLedger } from '../trace/ledger.js';
import { TraceNames } from '../trace/names.js';
import type { TraceOptions } from '../trace/options.js';
import type { Selection } from '../trace/selection.js';
import { SocketTakes } from '../trace/socket-takes.js';
import type { EndReason, TraceHeader, TraceSink, TraceSummary } from '../trace/trace.js';
import type { Chunk } from './chunk-reader.js';
import {
  armedOf,
  countedOf,
  filterRunsOf,
  gapOf,
  hooksOf,
  lossOf,
  planOf,
  rightsOf,
  ruleTracesOf,
} from './from-messages.js';
import { BrokenFile } from './input-file.js';
import {
  type RecordedDevices,
  RecordedHooks,
  RecordedNames,
  RecordedSockets,
  RecordedXdp,
} from './recorded.js';
import type { Recording } from './recording.js';
import { checkedBatch } from './records.js';
import type { SummaryMessage } from './schema.js';

const eventsPerTurn = 20_000;
const congestedMs = 10;

export interface ReplayOptions {
  /** What was asked when it was recorded, as far as the view shows it. */
  readonly options: TraceOptions;
  readonly devices: RecordedDevices;
  readonly selections: readonly Selection[];
  readonly showsStacks: boolean;
  /** Told now and then; how far the file has been read. */
  readonly progress?: () => void;
}

export class Replay {
  private readonly names: RecordedNames;
  private readonly sockets = new RecordedSockets();
  private readonly xdp = new RecordedXdp();
  private readonly hooks = new RecordedHooks();
  private readonly plan: TraceHeader['plan'];
  private readonly free: Batch[] = [];
  private readonly merger: Merger;
  private readonly maker: EventMaker;
  private readonly bootNs: bigint;
  private losses: readonly AttachmentLoss[] = [];
  private summary: SummaryMessage | undefined;
  private lastNs = 0;
  private reason: EndReason | undefined;

  constructor(
    private readonly recording: Recording,
    private readonly how: ReplayOptions,
    private readonly sink: TraceSink,
  ) {
    const { header } = recording;
    this.bootNs = BigInt(header.bootNs);
    this.names = new RecordedNames(how.devices);
    this.plan = planOf(header);
    this.merger = new Merger(header.rings, this.bootNs, (batch) => this.free.push(batch));
    this.maker = new EventMaker(
      {
        attachments: this.plan.attachments,
        positionOf: (record) => this.hooks.positionOf(record),
        takes: new SocketTakes(this.sockets),
        snaplen: how.options.snaplen,
      },
      how.selections,
      (event) => sink.event(event),
    );
  }

  stop(reason: EndReason): void {
    this.reason ??= reason;
  }

  /** Shows what is whole; `broken` in the summary tells that there was more. */
  async run(): Promise<TraceSummary> {
    this.sink.header(this.header());
    const broken = await this.chunks();
    if (!this.isOver) await this.giveOut(Number.POSITIVE_INFINITY);
    this.sink.end?.();
    this.sink.flush();
    return this.summaryOf(broken);
  }

  private get isOver(): boolean {
    return this.reason === 'count' || this.reason === 'output-closed';
  }

  private header(): TraceHeader {
    const { header } = this.recording;
    const { devices, options, showsStacks } = this.how;
    const clock = { bootNs: this.bootNs, wallOffsetNs: BigInt(header.wallOffsetNs) };
    const hooks = hooksOf(header, devices);
    const rights = rightsOf(header);
    const filterRuns = filterRunsOf(header);
    return {
      ...{ options, devices, plan: this.plan, notes: header.notes, xdp: this.xdp },
      features: { release: header.kernel },
      armed: armedOf(header, devices),
      names: new TraceNames(this.names, clock, showsStacks),
      ...(hooks && { hooks }),
      ...(rights && { rights }),
      ...(filterRuns && { filterRuns }),
    };
  }

  private async chunks(): Promise<BrokenFile | undefined> {
    try {
      while (this.reason === undefined) {
        const offset = this.recording.offset;
        const chunk = await this.recording.next();
        if (!chunk) return this.summary ? undefined : new BrokenFile('cut', offset);
        if (this.take(chunk, offset)) await this.giveOut(this.untilNs);
      }
      return undefined;
    } catch (error) {
      if (error instanceof BrokenFile) return error;
      throw error;
    }
  }

  private untilNs = 0;

  /** True where events can be given out. */
  private take(chunk: Chunk, offset: number): boolean {
    switch (chunk.kind) {
      case 'records': {
        const { ring, bytes } = chunk;
        const batch = checkedBatch(bytes, this.plan.attachments.length, this.free);
        if (!batch || ring >= this.recording.header.rings) throw new BrokenFile('damaged', offset);
        if (bytes.length > 0) this.lastNs = this.merger.add(ring, batch, bytes.length)!;
        return false;
      }
      case 'round': {
        const { untilNs } = chunk.value;
        this.untilNs =
          untilNs === undefined ? Number.POSITIVE_INFINITY : Number(BigInt(untilNs) - this.bootNs);
        return true;
      }
      case 'passed':
        this.sink.passed?.(BigInt(chunk.value.bootNs));
        return false;
      case 'names':
        for (const one of [this.names, this.sockets, this.xdp]) one.learn(chunk.value);
        return false;
      case 'hookPosition':
        this.hooks.learn(chunk.value);
        return false;
      case 'gap':
        this.sink.gap?.(gapOf(chunk.value));
        return false;
      case 'ruleTraces':
        this.sink.ruleTraces?.(ruleTracesOf(chunk.value));
        return false;
      case 'notice':
        this.sink.notice(chunk.value.text);
        return false;
      case 'loss':
        this.losses = chunk.value.lost.map(lossOf);
        return false;
      case 'summary':
        this.summary = chunk.value;
        return false;
      case 'index':
        return false;
      case 'header':
        throw new BrokenFile('damaged', offset);
    }
  }

  /** In portions, so that signals are heard and the reader of our output can keep up. */
  private async giveOut(untilNs: number): Promise<void> {
    for (;;) {
      const given = this.merger.giveOut(
        untilNs,
        (batch, offset, late, gap) => this.maker.take(batch, offset, late, gap),
        eventsPerTurn,
      );
      if (given > 0) this.sink.flush();
      this.how.progress?.();
      while (this.sink.isCongested && this.reason === undefined) await sleep(congestedMs);
      if (given < eventsPerTurn || this.isOver) return;
      await nextTurn();
    }
  }

  private summaryOf(broken: BrokenFile | undefined): TraceSummary {
    const { summary, maker, plan } = this;
    const { events, late } = maker;
    const filteredOut = maker.filteredOut + Number(summary?.filtered ?? 0);
    const undecided = maker.undecided + Number(summary?.undecided ?? 0);
    const losses = summary ? summary.lost.map(lossOf) : this.losses;
    const known = losses.filter(({ attachId }) => attachId < plan.attachments.length);
    return {
      ...{ events, filteredOut, undecided, late, forgotten: Number(summary?.forgotten ?? 0) },
      reason: this.reason ?? (summary?.reason as EndReason | undefined) ?? 'asked',
      seconds: summary?.seconds ?? Math.max(0, this.lastNs / 1e9),
      ringHighWater: {
        bytes: Number(summary?.highWaterBytes ?? 0),
        ofBytes: Number(summary?.ringBytes ?? this.how.options.ringBytes),
      },
      ledger: makeLedger(plan.attachments, known, Number(summary?.lostUser ?? 0)),
      notWatched: plan.watches.flatMap(({ stage, mechanism, reason }) =>
        mechanism ? [] : [{ stage, reason }],
      ),
      counted: summary?.counted.map(countedOf) ?? [],
      ...(broken && { broken: { how: broken.how, offset: broken.offset } }),
    };
  }
}
