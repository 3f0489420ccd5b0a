/** `taptrace [trace]`: live events at the taps. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { exitCode, UsageError } from '../errors.js';
import { nativeBinding } from '../native/binding.js';
import { summaryJson } from '../render/trace-json.js';
import { summaryLines } from '../render/trace-text.js';
import { lostEvents } from '../trace/ledger.js';
import { Trace, type TraceSummary } from '../trace/trace.js';
import { Output } from './output.js';
import { JsonSink, TextSink } from './sinks.js';
import { type TraceArguments, textOptions, traceOptions } from './trace-options.js';

function filterExpression(args: TraceArguments): string | undefined {
  const words = (args._ as (string | number)[]).map(String);
  const file = args.filterFile;
  if (typeof file !== 'string') return words.length ? words.join(' ') : undefined;
  if (words.length) throw new UsageError('a filter on the command line and --filter-file: choose one');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`cannot read the filter file: ${(error as Error).message}`);
  }
}

function exitCodeOf(summary: TraceSummary, failOnLoss: boolean): number {
  if (failOnLoss && lostEvents(summary.ledger) > 0) return exitCode.loss;
  return summary.reason === 'gone' ? exitCode.failure : exitCode.done;
}

/** First signal: end in good order. A second one: end now (the kernel drops all that is ours with us). */
function stopOnSignals(trace: Trace): () => void {
  let signals = 0;
  const onSignal = (): void => {
    signals += 1;
    if (signals > 1) process.exit(exitCode.secondInterrupt);
    trace.stop('asked');
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, onSignal);
  return () => {
    for (const name of names) process.off(name, onSignal);
  };
}

/**
 * What an event leaves behind in memory is dead at once, so a larger young generation collects no better; it
 * only makes the process grow by some twenty MiB.
 */
function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Runs the trace; returns the exit code. */
export async function traceCommand(
  args: TraceArguments,
  version: string,
  kallsyms: Promise<Buffer>,
): Promise<number> {
  keepYoungGenerationSmall();
  const { options, notes } = traceOptions(args, filterExpression(args));
  const output = new Output(() => trace.stop('output-closed'));
  const sink = args.json
    ? new JsonSink(output, version, options.lineBuffered, Boolean(args.debug))
    : new TextSink(output, textOptions(args), options.lineBuffered, Boolean(args.debug));
  const trace = new Trace(nativeBinding(), options, sink, kallsyms);
  for (const note of notes) output.talk(note);
  const forget = stopOnSignals(trace);
  try {
    const summary = await trace.run();
    sink.flush();
    if (args.json) output.data(`${JSON.stringify(summaryJson(summary))}\n`);
    for (const line of summaryLines(summary)) output.talk(line);
    await output.written();
    return exitCodeOf(summary, options.failOnLoss);
  } finally {
    forget();
  }
}
