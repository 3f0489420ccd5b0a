/** Recordings as values. Nothing here needs the addon, but for a filter. */
import { readOptions } from '../cli/read-options.js';
import type { EventLine } from '../lines/event.js';
import type { JourneyLine } from '../lines/journey.js';
import type { ComparisonLine } from '../lines/reports.js';
import type { HeaderLine, SummaryLine } from '../lines/run.js';
import { Reading, type ViewName } from '../record/reading.js';
import type { Replay } from '../record/replay.js';
import { checkWhole } from './damage.js';
import type { Feed } from './feed.js';
import { asArguments, type SelectOptions, selectNames } from './options.js';
import { type Driver, Run } from './run.js';
import { ComparisonValues, EventValues, JourneyValues, type Listener, type ValueSink } from './sinks.js';

type SinkOfReading<T> = (listener: Listener<T>, reading: Reading) => ValueSink;

class ReadDriver<T> implements Driver<T> {
  private replay: Replay | undefined;
  private isStopped = false;

  constructor(
    private readonly file: string,
    private readonly view: ViewName,
    private readonly options: SelectOptions,
    private readonly sinkOf: SinkOfReading<T>,
  ) {}

  async run(feed: Feed<T>, begun: (header: HeaderLine) => void): Promise<SummaryLine> {
    const { file, view, options } = this;
    const notice = options.onNotice ?? (() => undefined);
    const asked = readOptions({ ...asArguments(options, selectNames), view }, options.filter);
    const reading = await Reading.open(file, asked);
    try {
      const enough = (): void => this.replay?.stop('count');
      const sink = this.sinkOf({ feed, begun, notice, enough }, reading);
      this.replay = reading.replay(sink);
      if (this.isStopped) this.replay.stop('asked');
      const summary = await this.replay.run();
      const line = sink.summary(summary);
      checkWhole(file, summary.broken);
      return line;
    } finally {
      reading.recording.close();
    }
  }

  stop(): void {
    this.isStopped = true;
    this.replay?.stop('asked');
  }
}

const requestOf = ({ followed, options }: Reading) => ({ ...followed, interfaces: options.interfaces });

/**
 * The events of a recording; `-` is standard input. What was asked when it was recorded holds, and options narrow it
 * down. A recording that ends in the middle gives what is whole, then throws `recording-damaged`.
 */
export function read(file: string, options: SelectOptions = {}): Run<EventLine> {
  const sinkOf: SinkOfReading<EventLine> = (listener) => new EventValues(listener);
  return new Run(new ReadDriver(file, 'trace', options, sinkOf), options.signal);
}

/** The packets of a recording that has their ends (`taptrace path -w`), each with its whole way. */
export function readPath(file: string, options: SelectOptions = {}): Run<JourneyLine> {
  const sinkOf: SinkOfReading<JourneyLine> = (listener, reading) =>
    new JourneyValues(listener, requestOf(reading));
  return new Run(new ReadDriver(file, 'path', options, sinkOf), options.signal);
}

/** What the taps and the hooks saw of the packets of a recording that has their ends. */
export async function readComparison(file: string, options: SelectOptions = {}): Promise<ComparisonLine> {
  const sinkOf: SinkOfReading<ComparisonLine> = (listener, reading) =>
    new ComparisonValues(listener, requestOf(reading), reading.options);
  return new Run(new ReadDriver(file, 'compare', options, sinkOf), options.signal).last();
}
