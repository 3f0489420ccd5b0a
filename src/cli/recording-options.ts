/** -w: what is written where, and what is shown meanwhile. */
import { UsageError } from '../errors.js';
import { headerLines, summaryLines } from '../render/trace-text.js';
import type { TraceRecording, TraceSink } from '../trace/trace.js';
import type { View } from './live.js';
import type { Output } from './output.js';
import type { TraceArguments } from './trace-options.js';

export interface RecordingOptions {
  readonly path: string;
  /** Events are shown as well. */
  readonly print: boolean;
  /** Events have to be looked at to know when there are enough. */
  readonly counts: boolean;
  readonly asked: {
    readonly version: string;
    readonly filter?: string | undefined;
    readonly packets?: number | undefined;
  };
}

/** Undefined without -w. Throws UsageError. */
export function recordingOf(
  args: TraceArguments,
  asked: RecordingOptions['asked'],
  counts: boolean,
): RecordingOptions | undefined {
  if (args.write === undefined) return undefined;
  const path = String(args.write);
  const print = Boolean(args.print);
  if (path === '') throw new UsageError('-w needs the name of a file, or - for standard output');
  if (path === '-' && print)
    throw new UsageError('-w - and --print both write to standard output: choose one');
  if (path === '-' && process.stdout.isTTY)
    throw new UsageError('a recording is nothing for a terminal', 'send it to a file or to another program');
  return { path, print, counts, asked };
}

export interface OpenRecording extends TraceRecording {
  /** What is told at the end. */
  summary(): string;
}

/** Opens the file. Throws UsageError. */
export async function openRecording({
  path,
  print,
  counts,
  asked,
}: RecordingOptions): Promise<OpenRecording> {
  const { OutputFile } = await import('../record/output-file.js');
  const { Recorder } = await import('../record/recorder.js');
  const log = new Recorder(new OutputFile(path), asked);
  return {
    log,
    showsEvents: print || counts,
    summary: () => `${log.events} events are in ${path === '-' ? 'the recording' : path}`,
  };
}

/** Nothing but what is said on stderr; where packets or events are counted, the view's own sink does it. */
export function silentView(output: Output, { view }: { view: View }, { showsEvents }: TraceRecording): View {
  const { sink } = view;
  output.mute();
  if (showsEvents) return { sink, summary: (summary) => talkSummary(output, summary) };
  const silent: TraceSink = {
    header: (header) => {
      for (const line of headerLines(header)) output.talk(line);
    },
    event: () => undefined,
    flush: () => undefined,
    isCongested: false,
    notice: (text) => output.talk(text),
    gap: ({ text }) => output.talk(text),
    refused: (refused) => sink.refused?.(refused),
  };
  return { sink: silent, summary: (summary) => talkSummary(output, summary) };
}

function talkSummary(output: Output, summary: Parameters<typeof summaryLines>[0]): void {
  for (const line of summaryLines(summary, true)) output.talk(line);
}
