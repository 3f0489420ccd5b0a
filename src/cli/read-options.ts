/** The options of `read`: those of the live commands that choose and show, and none that say how to watch. */
import type { Options } from 'yargs';
import { UsageError } from '../errors.js';
import { selectionOf } from '../record/from-messages.js';
import type { HeaderMessage } from '../record/schema.js';
import { printable } from '../render/printable.js';
import { expandStages } from '../stages/lookup.js';
import type { Stage } from '../stages/types.js';
import type { TraceOptions } from '../trace/options.js';
import { type TraceArguments, traceOptions, traceOptionTable } from './trace-options.js';

const {
  netns: _netns,
  arm: _arm,
  observe: _observe,
  mechanism: _mechanism,
  'buffer-size': bufferSize,
  duration: _duration,
  read: _read,
  'file-size': _fileSize,
  'rotate-seconds': _rotateSeconds,
  'file-count': _fileCount,
  write,
  snaplen: { default: _snaplen, ...snaplen },
  stack,
  count,
  stages,
  reason: _reason,
  sample: _sample,
  follow: _follow,
  ...shared
} = traceOptionTable;

const views = ['trace', 'path', 'compare'] as const;
export type ViewName = (typeof views)[number];

export const readOptionTable = {
  view: {
    type: 'string',
    nargs: 1,
    default: 'trace',
    group: 'What to watch:',
    describe: 'trace (events), path (one packet after the other) or compare (the taps beside netfilter)',
  },
  ...shared,
  write: { ...write, describe: 'write events to this file (- for standard output) and show nothing' },
  stages: { ...stages, defaultDescription: 'all that were recorded' },
  snaplen: { ...snaplen, describe: 'show no more bytes of each packet than these' },
  count: { ...count, describe: 'stop after this many events, or packets of path and compare' },
  stack: { ...stack, describe: 'show the kernel stacks that were recorded' },
} satisfies Record<string, Options>;

/** What the reader asks for, checked. */
export interface ReadOptions {
  readonly view: ViewName;
  readonly own: TraceOptions;
  /** Undefined: every stage that was recorded. */
  readonly stages: readonly Stage[] | undefined;
}

/** Throws UsageError. */
export function readOptions(args: TraceArguments, filter: string | undefined): ReadOptions {
  const view = views.find((name) => name === args.view);
  if (!view)
    throw new UsageError(
      `--view ${printable(String(args.view))}: there is no such view`,
      `views are ${views.join(', ')}`,
    );
  const given = { ...args, snaplen: args.snaplen ?? '0', bufferSize: bufferSize.default };
  const { options } = traceOptions(given, filter, ['taps']);
  const ends = view === 'trace' ? [] : expandStages(['drop,consume']).stages;
  return {
    view,
    own: options,
    stages: args.stages === undefined ? undefined : [...options.stages, ...ends],
  };
}

const both = (a: string | undefined, b: string | undefined): string | undefined =>
  a !== undefined && b !== undefined ? `(${a}) and (${b})` : (a ?? b);

/** Events of packets that were followed, as far as they are told to be. */
function followingOf(recorded: HeaderMessage['options'], view: ViewName): Partial<TraceOptions> {
  const { followEvents, lookBack } = recorded;
  if (view !== 'trace') return { follow: 'packets', ...(lookBack && { lookBack }) };
  return followEvents ? { follow: 'events' } : {};
}

/** What was asked when it was recorded, narrowed by what the reader asks, as a view of its header shows it. */
export function replayedOptions(
  { options: recorded }: HeaderMessage,
  { view, own }: ReadOptions,
): TraceOptions {
  const filter = both(recorded.filter, own.filter);
  const selection = selectionOf(recorded);
  return {
    stages: own.stages,
    interfaces: [...recorded.interfaces, ...own.interfaces],
    netns: recorded.netns,
    ...followingOf(recorded, view),
    ...(selection && { selection }),
    snaplen: Math.min(recorded.snaplen, own.snaplen),
    ringBytes: Number(recorded.ringBytes),
    ...{ arm: recorded.arm, observeOnly: recorded.observeOnly, mechanisms: new Map() },
    stacks: recorded.stacks || own.stacks,
    ...{ failOnLoss: own.failOnLoss, lineBuffered: own.lineBuffered },
    ...(filter !== undefined && { filter }),
  };
}
