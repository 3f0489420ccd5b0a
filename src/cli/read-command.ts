/** `taptrace read`: a recording through any view, as if it happened now. */
import { exitCode, UsageError } from '../errors.js';
import { type FilterMeaning, PacketFilter } from '../filter/filter.js';
import { selectionOf } from '../record/from-messages.js';
import { RecordedDevices } from '../record/recorded.js';
import { Recording } from '../record/recording.js';
import { Replay } from '../record/replay.js';
import type { HeaderMessage } from '../record/schema.js';
import { printable } from '../render/printable.js';
import { FollowedPackets } from '../trace/followed.js';
import { Selection } from '../trace/selection.js';
import { compareView } from './compare-command.js';
import type { JourneyOptions } from './journey-options.js';
import { exitCodeOf, filterExpression, Stopper, stopOnSignals, type View } from './live.js';
import { Output } from './output.js';
import { pathView } from './path-command.js';
import { type ReadOptions, readOptions, replayedOptions } from './read-options.js';
import { writeTarget } from './recording-options.js';
import { eventsView } from './trace-command.js';
import type { TraceArguments } from './trace-options.js';

const filterOf = (expression: string | undefined, meaning: FilterMeaning): PacketFilter | undefined =>
  expression === undefined ? undefined : new PacketFilter(expression, meaning);

const numberOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);

/** Only the ends of packets make it safe which events are one packet's. Throws UsageError. */
function checkEnds({ path, header }: Recording, { view }: ReadOptions): void {
  const recorded = new Set(header.attachments.map(({ stage }) => stage));
  if (view === 'trace' || (recorded.has('drop') && recorded.has('consume'))) return;
  throw new UsageError(
    `--view ${view} needs the ends of packets, which ${path} does not have: it holds ${[...recorded].join(', ')}`,
    'record them with "taptrace path -w FILE", or with --stages path',
  );
}

/** What holds of the recording, and what the reader asks on top of it. */
function selectionsOf({ options }: HeaderMessage, devices: RecordedDevices, asked: ReadOptions): Selection[] {
  const { own, view, stages } = asked;
  const isTrace = view === 'trace';
  const numbers = stages && new Set(stages.map(({ number }) => number));
  const words = [...own.interfaces, ...(options.followPackets ? options.interfaces : [])];
  const choosesDevices = isTrace && words.length > 0;
  return [
    new Selection({
      count: isTrace ? numberOf(options.count) : undefined,
      ...(isTrace && {
        selection: selectionOf(options),
        filter: filterOf(options.filter, 'live'),
        kernelDecides: true,
        followed: options.followEvents ? new FollowedPackets() : undefined,
      }),
    }),
    new Selection({
      count: isTrace ? own.count : undefined,
      selection: isTrace ? own.selection : undefined,
      filter: isTrace ? filterOf(own.filter, 'file') : undefined,
      ...((numbers || choosesDevices) && {
        isSelected: ({ record }) =>
          (!numbers || numbers.has(record.stage)) && (!choosesDevices || devices.isSelectedFor(record)),
      }),
    }),
  ];
}

function journeysAsked(
  { options: recorded }: HeaderMessage,
  asked: ReadOptions,
  options: JourneyOptions['options'],
): JourneyOptions {
  const counts = [numberOf(recorded.packets), asked.own.count].flatMap((count) => count ?? []);
  return {
    ...{ options, notes: [], isReplay: true },
    ...(counts.length > 0 && { packets: Math.min(...counts) }),
    ...(asked.own.filter !== undefined && { filter: asked.own.filter }),
    ...(asked.own.selection && { narrower: asked.own.selection }),
    ...(recorded.filter !== undefined && { recordedFilter: recorded.filter }),
  };
}

/** For somebody who waits at a terminal. */
class Progress {
  private toldAt = performance.now() + 1000;

  constructor(
    private readonly output: Output,
    private readonly recording: Recording,
  ) {}

  tell(): void {
    const now = performance.now();
    const { bytes, offset, path } = this.recording;
    if (now < this.toldAt || process.stdout.isTTY) return;
    this.toldAt = now + 200;
    const share = bytes ? `${Math.floor((offset / bytes) * 100)} %` : `${(offset / 1e6).toFixed(0)} MB`;
    this.output.progress(`reading ${printable(path)}: ${share}`);
  }
}

/** Into another recording; undefined where that is not asked for. */
async function copyCommand(
  args: TraceArguments,
  recording: Recording,
  asked: ReadOptions,
  devices: RecordedDevices,
): Promise<number | undefined> {
  const target = writeTarget(args);
  if (target?.format !== 'taptrace') return undefined;
  if (asked.view !== 'trace') throw new UsageError('-w writes events: it goes with --view trace alone');
  const { OutputFile } = await import('../record/output-file.js');
  const { RecordingCopy } = await import('../record/copy.js');
  const [, selection] = selectionsOf(recording.header, devices, asked);
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

const broken = {
  cut: 'ends in the middle: the trace was killed, its disk was full, or the file was cut',
  damaged: 'is damaged',
} as const;

function tellBroken(
  output: Output,
  path: string,
  { how, offset }: { how: keyof typeof broken; offset: number },
): void {
  output.talk(`${path} ${broken[how]} (byte ${offset}); everything before that is here`);
}

/** Shows the recording; returns the exit code. */
export async function readCommand(args: TraceArguments, version: string): Promise<number> {
  const [path, ...words] = args._ as (string | number)[];
  if (path === undefined)
    throw new UsageError('read needs the name of a recording', 'taptrace read FILE [filter…]');
  const asked = readOptions(args, filterExpression({ ...args, _: words }));
  const recording = await Recording.open(String(path));
  checkEnds(recording, asked);
  const { header } = recording;
  const stopper = new Stopper();
  const closed = (): void => stopper.stop('output-closed');
  const output = new Output(closed);
  const options = replayedOptions(header, asked);
  const devices = new RecordedDevices(header.options.interfaces, header.severalNetns, asked.own.interfaces);
  for (const one of header.namespaces) devices.learnNetns(one);
  for (const one of header.devices) devices.learn(one);
  const copied = await copyCommand(args, recording, asked, devices);
  if (copied !== undefined) return copied;
  const journeys = journeysAsked(header, asked, options);
  const enough = (): void => stopper.stop('count');
  const view: View =
    asked.view === 'trace'
      ? await eventsView(args, version, output, closed)
      : (asked.view === 'path' ? pathView : compareView)(args, version, output, journeys, enough);
  const selections = selectionsOf(header, devices, asked);
  const progress = new Progress(output, recording);
  const replay = new Replay(
    recording,
    { options, devices, selections, showsStacks: options.stacks, progress: () => progress.tell() },
    view.sink,
  );
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
