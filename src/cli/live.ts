/** What all commands that watch live packets have in common: from options and a sink to an exit code. */
import { readFileSync } from 'node:fs';
import { exitCode, UsageError } from '../errors.js';
import { expressionIn } from '../filter/expression.js';
import { nativeBinding } from '../native/binding.js';
import { lostEvents } from '../trace/ledger.js';
import type { TraceOptions } from '../trace/options.js';
import { type EndReason, Trace, type TraceSink, type TraceSummary } from '../trace/trace.js';
import type { Output } from './output.js';
import { openRecording, type RecordingOptions, silentView } from './recording-options.js';
import type { TraceArguments } from './trace-options.js';

/** The words behind the options, or what --filter-file holds. Throws UsageError. */
export function filterExpression(args: TraceArguments): string | undefined {
  const words = (args._ as (string | number)[]).map(String);
  const file = args.filterFile;
  if (typeof file !== 'string') return words.length ? words.join(' ') : undefined;
  if (words.length) throw new UsageError('a filter on the command line and --filter-file: choose one');
  try {
    return expressionIn(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`cannot read the filter file: ${(error as Error).message}`);
  }
}

export function exitCodeOf(summary: TraceSummary, failOnLoss: boolean): number {
  if (failOnLoss && lostEvents(summary.ledger) > 0) return exitCode.loss;
  if (summary.broken) return exitCode.failure;
  return summary.reason === 'gone' ? exitCode.failure : exitCode.done;
}

/** What a run can be ended by: a live trace, or the reading of a recording. */
export interface Stoppable {
  stop(reason: EndReason): void;
}

/** First signal: end in good order. A second one: end now (the kernel drops all that is ours with us). */
export function stopOnSignals(trace: Stoppable): () => void {
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

/** Ends a run from outside; output and sinks have it before the trace exists, when there is nothing to end. */
export class Stopper {
  private trace: Stoppable | undefined;

  ends(trace: Stoppable): void {
    this.trace = trace;
  }

  stop(reason: EndReason): void {
    this.trace?.stop(reason);
  }
}

/** Where events go, and what is said after the last one. */
export interface View {
  readonly sink: TraceSink;
  readonly summary: (summary: TraceSummary) => void;
}

export interface LiveRun {
  readonly options: TraceOptions;
  /** For the user, before anything is attached. */
  readonly notes: readonly string[];
  readonly output: Output;
  readonly view: View;
  readonly stopper: Stopper;
  readonly kallsyms: Promise<Buffer>;
  /** Opens the file to write to; absent: none is written. */
  readonly recording?: RecordingOptions | undefined;
}

/** Runs until the end that was asked for. Returns the exit code. */
export async function runLive(run: LiveRun): Promise<number> {
  const { options, notes, output, stopper, kallsyms } = run;
  const recording = run.recording && (await openRecording(run.recording));
  const view = recording && !run.recording?.print ? silentView(output, run, recording) : run.view;
  const trace = new Trace(nativeBinding(), options, view.sink, kallsyms, recording);
  stopper.ends(trace);
  for (const note of notes) output.talk(note);
  const forget = stopOnSignals(trace);
  try {
    const summary = await trace.run();
    view.sink.flush();
    view.summary(summary);
    if (recording) output.talk(recording.summary());
    await output.written();
    return exitCodeOf(summary, options.failOnLoss);
  } finally {
    forget();
  }
}
