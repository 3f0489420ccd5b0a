/** Live runs: what the commands trace, path and compare watch, as values. */
import { compareStages, type JourneyOptions, journeyOptions, pathStages } from '../cli/journey-options.js';
import { eventOptions } from '../cli/trace-options.js';
import type { EventLine } from '../lines/event.js';
import type { JourneyLine } from '../lines/journey.js';
import type { ComparisonLine } from '../lines/reports.js';
import type { HeaderLine, SummaryLine } from '../lines/run.js';
import { nativeBinding } from '../native/binding.js';
import { readKallsymsAsync } from '../system/symbols.js';
import type { TraceOptions as CheckedOptions } from '../trace/options.js';
import { Trace } from '../trace/trace.js';
import type { Feed } from './feed.js';
import { asArguments, type TraceOptions, traceNames } from './options.js';
import { type Driver, Run } from './run.js';
import { ComparisonValues, EventValues, JourneyValues, type SinkOf } from './sinks.js';

/** What was asked, checked, and the sink for it. */
interface Plan<T> {
  readonly options: CheckedOptions;
  readonly notes: readonly string[];
  readonly sink: SinkOf<T>;
}

class LiveDriver<T> implements Driver<T> {
  private trace: Trace | undefined;
  private isStopped = false;

  constructor(
    private readonly asked: TraceOptions,
    private readonly plan: () => Plan<T>,
  ) {}

  async run(feed: Feed<T>, begun: (header: HeaderLine) => void): Promise<SummaryLine> {
    const notice = this.asked.onNotice ?? (() => undefined);
    const { options, notes, sink: sinkOf } = this.plan();
    for (const note of notes) notice(note);
    const sink = sinkOf({ feed, begun, notice, enough: () => this.trace?.stop('count') });
    const native = nativeBinding();
    // Rights are the program's own: they stay as they are.
    const checked = { ...options, dropCapabilities: false };
    const trace = new Trace(native, checked, sink, readKallsymsAsync(native));
    this.trace = trace;
    if (this.isStopped) trace.stop('asked');
    const summary = await trace.run();
    sink.flush();
    return sink.summary(summary);
  }

  stop(): void {
    this.isStopped = true;
    this.trace?.stop('asked');
  }
}

const defaults = { snaplen: 256 };
const argumentsOf = (options: TraceOptions) => asArguments({ ...defaults, ...options }, traceNames);

function followed(options: TraceOptions, stages: readonly string[]): JourneyOptions {
  return journeyOptions(argumentsOf(options), options.filter, stages);
}

/**
 * Watches packets at stages of the kernel path, by default at both taps, and gives each as an event.
 *
 * @example
 * for await (const event of trace({ stages: ['taps', 'drop'], filter: 'icmp', signal })) console.log(event.summary);
 */
export function trace(options: TraceOptions = {}): Run<EventLine> {
  const plan = (): Plan<EventLine> => ({
    ...eventOptions(argumentsOf(options), options.filter),
    sink: (listener) => new EventValues(listener),
  });
  return new Run(new LiveDriver(options, plan), options.signal);
}

/** Follows packets and gives each with its whole way, when it has ended. */
export function path(options: TraceOptions = {}): Run<JourneyLine> {
  const plan = (): Plan<JourneyLine> => {
    const { options: checked, notes, ...asked } = followed(options, pathStages);
    const request = { ...asked, interfaces: checked.interfaces };
    return { options: checked, notes, sink: (listener) => new JourneyValues(listener, request) };
  };
  return new Run(new LiveDriver(options, plan), options.signal);
}

/** Watches until the end that was asked for (`seconds`, `count` or `signal`), then says what taps and hooks saw. */
export async function compare(options: TraceOptions = {}): Promise<ComparisonLine> {
  const plan = (): Plan<ComparisonLine> => {
    const { options: checked, notes, ...asked } = followed(options, compareStages);
    const request = { ...asked, interfaces: checked.interfaces };
    return { options: checked, notes, sink: (listener) => new ComparisonValues(listener, request, checked) };
  };
  return new Run(new LiveDriver(options, plan), options.signal).last();
}
