/** -w: what is written where, and what is shown meanwhile. */
import { UsageError } from '../errors.js';
import type { Rotation } from '../record/file-names.js';
import { printable } from '../render/printable.js';
import { headerLines, summaryLines } from '../render/trace-text.js';
import type { TraceRecording, TraceSink } from '../trace/trace.js';
import type { View } from './live.js';
import { fileBytes, wholeNumber } from './numbers.js';
import type { Output } from './output.js';
import type { TraceArguments } from './trace-options.js';

/** Where -w writes, and in which form. */
export interface WriteTarget {
  readonly path: string;
  readonly format: WriteFormat;
  /** Events are shown as well. */
  readonly print: boolean;
}

const formats = ['taptrace', 'pcapng'] as const;
export type WriteFormat = (typeof formats)[number];

function formatOf(args: TraceArguments, path: string): WriteFormat {
  if (args.writeFormat !== undefined) {
    const asked = formats.find((one) => one === args.writeFormat);
    if (asked) return asked;
    throw new UsageError(
      `--write-format ${printable(String(args.writeFormat))}: there is no such format`,
      `formats are ${formats.join(', ')}`,
    );
  }
  if (/\.p?cap$/.test(path))
    throw new UsageError(
      `cannot write ${printable(path)}: a pcap file has no room for stages`,
      'name it .pcapng, which Wireshark and tcpdump read as well',
    );
  return path.endsWith('.pcapng') ? 'pcapng' : 'taptrace';
}

/** Undefined without -w. Throws UsageError. */
export function writeTarget(args: TraceArguments): WriteTarget | undefined {
  if (args.write === undefined) {
    if ([args.fileSize, args.rotateSeconds, args.fileCount].some((one) => one !== undefined))
      throw new UsageError('-C, -G and -W split what -w writes: name a file with -w');
    if (args.compress) throw new UsageError('--compress is for what -w writes: name a file with -w');
    return undefined;
  }
  const path = String(args.write);
  const print = Boolean(args.print);
  if (path === '') throw new UsageError('-w needs the name of a file, or - for standard output');
  if (path === '-' && print)
    throw new UsageError('-w - and --print both write to standard output: choose one');
  if (path === '-' && process.stdout.isTTY)
    throw new UsageError('a recording is nothing for a terminal', 'send it to a file or to another program');
  const format = formatOf(args, path);
  if (format === 'pcapng' && (args.fileSize ?? args.rotateSeconds) !== undefined)
    throw new UsageError(
      '-C and -G split recordings, not pcapng',
      'write .taptrace files: "taptrace read" turns each into pcapng',
    );
  if (format === 'pcapng' && args.compress)
    throw new UsageError(
      '--compress is for recordings, not pcapng',
      'write a .taptrace file, or compress the pcapng with gzip: Wireshark reads that',
    );
  return { path, print, format };
}

export interface RecordingOptions {
  readonly path: string;
  /** Events are shown as well. */
  readonly print: boolean;
  readonly rotation: Rotation;
  /** Events have to be looked at to know when there are enough. */
  readonly counts: boolean;
  readonly asked: {
    readonly version: string;
    readonly packets?: number | undefined;
    readonly compress?: boolean | undefined;
  };
}

/** Undefined where no recording is to be written. Throws UsageError. */
export function recordingOf(
  args: TraceArguments,
  asked: RecordingOptions['asked'],
  counts: boolean,
): RecordingOptions | undefined {
  const target = writeTarget(args);
  if (target?.format !== 'taptrace') return undefined;
  const { path, print } = target;
  const compress = Boolean(args.compress);
  return { path, print, counts, asked: { ...asked, compress }, rotation: rotationOf(args, path) };
}

/** -C, -G and -W. Throws UsageError. */
function rotationOf(args: TraceArguments, path: string): Rotation {
  const { fileSize, rotateSeconds, fileCount } = args;
  const isAsked = fileSize !== undefined || rotateSeconds !== undefined;
  if (path === '-' && isAsked) throw new UsageError('-C and -G split files: -w - writes none');
  if (fileCount !== undefined && !isAsked)
    throw new UsageError('-W counts the files of -C or -G: give one of them');
  return {
    bytes: fileSize === undefined ? undefined : fileBytes(String(fileSize)),
    seconds: rotateSeconds === undefined ? undefined : wholeNumber('-G', String(rotateSeconds), 1, 1e9),
    files: fileCount === undefined ? undefined : wholeNumber('-W', String(fileCount), 1, 1e9),
  };
}

/** The commands that follow packets write recordings alone. Throws UsageError. */
export function checkWritesRecording(args: TraceArguments): void {
  if (writeTarget(args)?.format !== 'pcapng') return;
  throw new UsageError(
    'path and compare write recordings, not pcapng',
    'write a .taptrace file and turn it into pcapng with "taptrace read FILE -w x.pcapng"',
  );
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
  rotation,
}: RecordingOptions): Promise<OpenRecording> {
  const { Recorder } = await import('../record/recorder.js');
  const log = new Recorder(path, asked, rotation);
  return {
    log,
    showsEvents: print || counts,
    summary: () => `${log.events} events are in ${log.place}`,
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
