/** `taptrace read`: a recording through any view, as if it happened now. */
import { statSync } from 'node:fs';
import { isCapture } from '../capture/capture-reading.js';
import { exitCode, UsageError } from '../errors.js';
import { InputFile } from '../record/input-file.js';
import { Reading, type ReadOptions } from '../record/reading.js';
import { compareView } from './compare-command.js';
import { exitCodeOf, filterExpression, Stopper, stopOnSignals, type View } from './live.js';
import { Output } from './output.js';
import { pathView } from './path-command.js';
import { Progress, tellBroken } from './progress.js';
import { readOptions } from './read-options.js';
import { writeTarget } from './recording-options.js';
import { eventsView } from './trace-command.js';
import type { TraceArguments } from './trace-options.js';

/** Into another recording; undefined where that is not asked for. */
async function copyCommand(args: TraceArguments, reading: Reading): Promise<number | undefined> {
  const { recording, asked } = reading;
  const target = writeTarget(args);
  if (target?.format !== 'taptrace') return undefined;
  if (asked.view !== 'trace') throw new UsageError('-w writes events: it goes with --view trace alone');
  const { OutputFile } = await import('../record/output-file.js');
  const { RecordingCopy } = await import('../record/copy.js');
  const [, selection] = reading.selections;
  const copy = new RecordingCopy(
    recording,
    new OutputFile(target.path),
    isNarrowed(asked) ? selection : undefined,
  );
  const output = new Output();
  output.mute();
  const forget = stopOnSignals(copy);
  try {
    const copied = await copy.run();
    if (copied.broken) tellBroken(output, recording.path, copied.broken);
    output.talk(`${copied.events} events are in ${target.path === '-' ? 'the recording' : target.path}`);
    return copied.broken ? exitCode.failure : exitCode.done;
  } finally {
    forget();
    recording.close();
  }
}

const isNarrowed = ({ own, stages }: ReadOptions): boolean =>
  stages !== undefined ||
  own.interfaces.length > 0 ||
  [own.filter, own.selection, own.count].some((one) => one !== undefined);

/** What it holds, in a few lines. */
async function infoCommand(path: string, args: TraceArguments): Promise<number> {
  if (args.json || args.write !== undefined) throw new UsageError('--info tells in text, and writes nothing');
  const { recordingInfo } = await import('../record/info.js');
  const { recordingInfoLines } = await import('../render/recording-info.js');
  const info = await recordingInfo(path);
  const output = new Output();
  const bytes = path === '-' ? undefined : statSync(path).size;
  for (const line of recordingInfoLines(info, bytes)) output.data(`${line}\n`);
  if (info.broken) tellBroken(output, path, info.broken);
  await output.written();
  return info.broken ? exitCode.failure : exitCode.done;
}

/** Shows the recording; returns the exit code. */
export async function readCommand(args: TraceArguments, version: string): Promise<number> {
  const [path, ...words] = args._ as (string | number)[];
  if (path === undefined)
    throw new UsageError('read needs the name of a recording', 'taptrace read FILE [filter…]');
  if (args.info) return infoCommand(String(path), args);
  const asked = readOptions(args, filterExpression({ ...args, _: words }));
  const input = InputFile.open(String(path));
  if (await isCapture(input))
    return (await import('./capture-command.js')).captureCommand(args, version, input, asked);
  const reading = await Reading.open(input, asked);
  const { recording, options } = reading;
  const stopper = new Stopper();
  const closed = (): void => stopper.stop('output-closed');
  const output = new Output(closed);
  const copied = await copyCommand(args, reading);
  if (copied !== undefined) return copied;
  const journeys = { ...reading.followed, options, notes: [] };
  const enough = (): void => stopper.stop('count');
  const view: View =
    asked.view === 'trace'
      ? await eventsView(args, version, output, closed)
      : (asked.view === 'path' ? pathView : compareView)(args, version, output, journeys, enough);
  const progress = new Progress(output, input);
  const replay = reading.replay(view.sink, () => progress.tell());
  stopper.ends(replay);
  const forget = stopOnSignals(replay);
  try {
    const summary = await replay.run();
    output.progress('');
    view.summary(summary);
    if (summary.broken) tellBroken(output, recording.path, summary.broken);
    await output.written();
    return exitCodeOf({ ...summary, reason: 'asked' }, options.failOnLoss);
  } finally {
    forget();
    recording.close();
  }
}
