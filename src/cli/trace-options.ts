/** The options of `trace`: their table for yargs, and the checked value made of them. */
import type { Options } from 'yargs';
import { UsageError } from '../errors.js';
import type { TextOptions } from '../render/packet-text.js';
import { printable } from '../render/printable.js';
import { expandStages, isStageId, stageById, UnknownStageError } from '../stages/lookup.js';
import { stages as allStages } from '../stages/table.js';
import type { Mechanism, StageId } from '../stages/types.js';
import { choosesPackets, type TraceOptions } from '../trace/options.js';
import { asksNothing } from '../trace/packet-selection.js';
import { ringSize, seconds, snaplen, wholeNumber } from './numbers.js';
import { selectionOf, selectionTable } from './selection-options.js';

export const debugOption = {
  type: 'boolean',
  describe: 'print all that libbpf and the verifier say of programs that the kernel refuses',
} as const satisfies Options;

export const traceOptionTable = {
  interface: {
    alias: 'i',
    type: 'string',
    array: true,
    nargs: 1,
    group: 'What to watch:',
    describe: 'device: its name, where * and ? match, or its index; may be repeated; all devices when absent',
  },
  netns: {
    type: 'string',
    array: true,
    nargs: 1,
    group: 'What to watch:',
    describe: 'network namespace: a name, path, process id, "self" or "all"',
  },
  stages: {
    type: 'string',
    array: true,
    nargs: 1,
    group: 'What to watch:',
    describe: 'stage ids or groups (taps, netfilter, path, all), comma separated',
    defaultDescription: 'taps',
  },
  'filter-file': {
    alias: 'F',
    type: 'string',
    nargs: 1,
    group: 'What to watch:',
    describe: 'read the filter expression from a file',
  },
  ...selectionTable,
  follow: {
    type: 'boolean',
    group: 'Which packets:',
    describe:
      'packets that match are shown from then on at every stage, to their end (also drop and consume)',
  },
  d: {
    type: 'boolean',
    group: 'What to watch:',
    describe: "print the filter's compiled program as tcpdump does, and end",
  },
  arm: {
    type: 'boolean',
    group: 'How to watch:',
    describe: 'open a packet socket on each device: arms the taps and watches them from inside',
  },
  observe: { type: 'boolean', group: 'How to watch:', describe: 'no probe that others could see' },
  mechanism: {
    type: 'string',
    array: true,
    nargs: 1,
    group: 'How to watch:',
    describe: 'STAGE=MECHANISM: watch a stage by this rung of its ladder',
  },
  stack: {
    type: 'boolean',
    group: 'How to watch:',
    describe: 'take the kernel stack of every event (costs about half the packet rate)',
  },
  'buffer-size': {
    alias: 'B',
    type: 'string',
    nargs: 1,
    default: '16384',
    group: 'How to watch:',
    describe: 'ring buffer of each CPU in KiB, or with K, M, G',
  },
  snaplen: {
    alias: 's',
    type: 'string',
    nargs: 1,
    default: '256',
    group: 'How much:',
    describe: 'bytes kept of each packet, 0 for whole packets',
  },
  count: {
    alias: 'c',
    type: 'string',
    nargs: 1,
    group: 'How much:',
    describe: 'stop after this many events',
  },
  duration: { type: 'string', nargs: 1, group: 'How much:', describe: 'stop after this many seconds' },
  read: {
    alias: 'r',
    type: 'string',
    nargs: 1,
    group: 'What to watch:',
    describe: 'show this recording instead of what happens now, as "taptrace read" does',
  },
  write: {
    alias: 'w',
    type: 'string',
    nargs: 1,
    group: 'Output:',
    describe:
      'write a recording to this file (- for standard output) and show nothing; "taptrace read" shows it',
  },
  'file-size': {
    alias: 'C',
    type: 'string',
    nargs: 1,
    group: 'Output:',
    describe: 'with -w: go on in another file after so many million bytes',
  },
  'rotate-seconds': {
    alias: 'G',
    type: 'string',
    nargs: 1,
    group: 'Output:',
    describe: 'with -w: go on in another file after so many seconds; %H%M%S and the like stand for its time',
  },
  'file-count': {
    alias: 'W',
    type: 'string',
    nargs: 1,
    group: 'Output:',
    describe: 'with -C: keep the last so many files; with -G: stop after so many',
  },
  'write-format': {
    type: 'string',
    nargs: 1,
    group: 'Output:',
    describe: 'taptrace or pcapng, whatever the name of the file',
    defaultDescription: 'by its suffix',
  },
  compress: {
    type: 'boolean',
    group: 'Output:',
    describe: 'with -w FILE.taptrace: compress what is recorded, at more CPU time',
  },
  print: { type: 'boolean', group: 'Output:', describe: 'with -w: show events all the same' },
  'fail-on-loss': { type: 'boolean', group: 'How much:', describe: 'exit with 4 if events were lost' },
  json: { type: 'boolean', group: 'Output:', describe: 'one JSON object a line' },
  e: { type: 'boolean', group: 'Output:', describe: 'print the link header' },
  x: { type: 'count', group: 'Output:', describe: 'print the packet in hex, -xx with its link header' },
  X: {
    type: 'count',
    group: 'Output:',
    describe: 'print the packet in hex and ASCII, -XX with its link header',
  },
  A: { type: 'count', group: 'Output:', describe: 'print the packet in ASCII, -AA with its link header' },
  S: { type: 'boolean', group: 'Output:', describe: 'absolute TCP sequence numbers' },
  t: {
    type: 'count',
    group: 'Output:',
    describe:
      'time: -t none, -tt since the epoch, -ttt since the last event, -tttt with date, -ttttt since the first',
  },
  v: { type: 'count', group: 'Output:', describe: 'more of each packet' },
  q: { type: 'boolean', group: 'Output:', describe: 'less of each packet' },
  debug: { ...debugOption, group: 'Output:' },
  l: { type: 'boolean', group: 'Output:', describe: 'write every line at once' },
  U: { type: 'boolean', hidden: true },
  n: { type: 'count', group: 'Output:', describe: 'accepted: addresses are never resolved' },
  p: { type: 'boolean', hidden: true },
} as const satisfies Record<string, Options>;

/** What yargs makes of a trace's command line. */
export interface TraceArguments {
  readonly [name: string]: unknown;
}

const words = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const text = (value: unknown): string | undefined => (value === undefined ? undefined : String(value));
const count = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** Translates the table's own error into a usage error. */
function stagesOf(list: readonly string[], whenNone: readonly string[]): TraceOptions['stages'] {
  try {
    return expandStages(list.length ? list : whenNone).stages;
  } catch (error) {
    if (error instanceof UnknownStageError) throw new UsageError(printable(error.message));
    throw error;
  }
}

function mechanismsOf(list: readonly string[]): Map<StageId, Mechanism> {
  const result = new Map<StageId, Mechanism>();
  for (const entry of list) {
    const [id = '', ...rest] = entry.split('=');
    const mechanism = rest.join('=');
    if (!isStageId(id))
      throw new UsageError(
        `--mechanism ${printable(entry)}: '${printable(id)}' is no stage`,
        'write it as STAGE=MECHANISM, such as rx-tap=tp_btf',
      );
    const known = [...new Set(stageById(id).ladder.map((rung) => rung.mechanism))];
    const chosen = known.find((name) => name === mechanism);
    if (!chosen)
      throw new UsageError(
        `--mechanism ${printable(entry)}: ${id} cannot be watched by '${printable(mechanism)}'`,
        `its mechanisms are ${known.join(', ')}`,
      );
    result.set(id, chosen);
  }
  return result;
}

/** Checks everything that can be checked without the kernel. `notes` are for the user's eyes. */
export function traceOptions(
  args: TraceArguments,
  filter: string | undefined,
  defaultStages: readonly string[],
): { options: TraceOptions; notes: string[] } {
  const mechanisms = mechanismsOf(words(args.mechanism));
  const probe = args.arm ? '--arm' : [...mechanisms.values()].includes('packet_socket') && '--mechanism';
  if (args.observe && probe)
    throw new UsageError(`${probe} opens packet sockets, which --observe forbids: choose one`);
  const snaplenBytes = snaplen(String(args.snaplen));
  const ring = ringSize(String(args.bufferSize), snaplenBytes);
  const events = text(args.count);
  const duration = text(args.duration);
  const selection = selectionOf(args);
  const options: TraceOptions = {
    stages: stagesOf(words(args.stages), defaultStages),
    interfaces: words(args.interface),
    netns: words(args.netns),
    snaplen: snaplenBytes,
    ringBytes: ring.bytes,
    arm: Boolean(args.arm),
    observeOnly: Boolean(args.observe),
    mechanisms,
    stacks: Boolean(args.stack),
    failOnLoss: Boolean(args.failOnLoss),
    lineBuffered: Boolean(args.l || args.U),
    dropCapabilities: true,
    ...(events !== undefined && { count: wholeNumber('--count', events, 1, Number.MAX_SAFE_INTEGER) }),
    ...(duration !== undefined && { durationSeconds: seconds('--duration', duration) }),
    ...(filter && { filter }),
    ...(!asksNothing(selection) && { selection }),
  };
  return { options, notes: ring.notes };
}

/** Reasons belong to ends of packets: they choose events of the stage drop, and that is watched where nothing else was asked for. */
function checkReasons({ selection, stages }: TraceOptions): void {
  if (!selection?.reasons || stages.some(({ id }) => id === 'drop')) return;
  throw new UsageError(
    '--reason chooses events of the stage drop, which --stages leaves out',
    'add drop to --stages',
  );
}

/** Following needs the ends of packets: only they make their addresses safe. */
function following(options: TraceOptions): TraceOptions {
  if (!choosesPackets(options))
    throw new UsageError(
      '--follow: every packet matches',
      'give a filter, -i, or an option that chooses packets',
    );
  const wanted = new Set([...options.stages, ...expandStages(['drop,consume']).stages]);
  return { ...options, stages: allStages.filter((stage) => wanted.has(stage)), follow: 'events' };
}

/** The options of the command that shows events. */
export function eventOptions(
  args: TraceArguments,
  filter: string | undefined,
): { options: TraceOptions; notes: string[] } {
  const { options, notes } = traceOptions(args, filter, args.reason === undefined ? ['taps'] : ['drop']);
  checkReasons(options);
  return { options: args.follow ? following(options) : options, notes };
}

export function textOptions(args: TraceArguments): TextOptions {
  return {
    linkHeader: Boolean(args.e),
    hex: count(args.x),
    hexAscii: count(args.X),
    ascii: count(args.A),
    timeFormat: Math.min(count(args.t), 5),
    absoluteSequence: Boolean(args.S),
    quick: Boolean(args.q),
    verbose: count(args.v),
  };
}
