/** The options of `read`: those of the live commands that choose and show, and none that say how to watch. */
import type { Options } from 'yargs';
import { UsageError } from '../errors.js';
import { type ReadOptions, views } from '../record/reading.js';
import { printable } from '../render/printable.js';
import { expandStages } from '../stages/lookup.js';
import { type TraceArguments, traceOptions, traceOptionTable } from './trace-options.js';

const {
  netns: _netns,
  arm: _arm,
  observe: _observe,
  mechanism: _mechanism,
  'buffer-size': bufferSize,
  duration: _duration,
  read: _read,
  compress: _compress,
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

export const readOptionTable = {
  view: {
    type: 'string',
    nargs: 1,
    default: 'trace',
    group: 'What to watch:',
    describe: 'trace (events), path (one packet after the other) or compare (the taps beside netfilter)',
  },
  info: {
    type: 'boolean',
    group: 'What to watch:',
    describe: 'tell what the recording holds, and nothing of it',
  },
  ...shared,
  write: { ...write, describe: 'write events to this file (- for standard output) and show nothing' },
  stages: { ...stages, defaultDescription: 'all that were recorded' },
  snaplen: { ...snaplen, describe: 'show no more bytes of each packet than these' },
  count: { ...count, describe: 'stop after this many events, or packets of path and compare' },
  stack: { ...stack, describe: 'show the kernel stacks that were recorded' },
} satisfies Record<string, Options>;

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
