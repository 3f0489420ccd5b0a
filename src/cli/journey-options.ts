/** The options of the commands that follow packets: those of `trace`, with other defaults and packets in place of events. */
import type { Options } from 'yargs';
import type { FollowRequest } from '../journey/follower.js';
import { expandStages } from '../stages/lookup.js';
import { stages as allStages } from '../stages/table.js';
import type { TraceOptions } from '../trace/options.js';
import { type TraceArguments, traceOptions, traceOptionTable } from './trace-options.js';

const { stages, count, t, x, X, A, e, S, q, follow, ...shared } = traceOptionTable;

function journeyTable(defaultStages: string): Record<string, Options> {
  return {
    ...shared,
    stages: { ...stages, defaultDescription: defaultStages },
    count: { ...count, describe: 'stop after this many packets' },
    'look-back': {
      type: 'boolean',
      group: 'Which packets:',
      describe:
        'also what a packet passed before it matched: every packet is taken out of the kernel for that, as without a filter',
    },
  };
}

export const pathStages = ['all'];
export const compareStages = ['xdp', 'taps', 'netfilter', 'drop'];

export const pathOptionTable = { ...journeyTable(pathStages.join(',')), t } satisfies Record<string, Options>;
export const compareOptionTable = journeyTable(compareStages.join(','));

export interface JourneyOptions extends Omit<FollowRequest, 'interfaces'> {
  readonly options: TraceOptions;
  readonly notes: readonly string[];
}

/**
 * Packets are followed from wherever they match: filter and devices decide about packets, not about events. The ends of
 * packets are always watched, since only they make a packet's number safe.
 */
export function journeyOptions(
  args: TraceArguments,
  filter: string | undefined,
  defaultStages: readonly string[],
): JourneyOptions {
  const { options, notes } = traceOptions(args, filter, defaultStages);
  const { count: packets, ...others } = options;
  // Why a packet is dropped is known at its end.
  const lookBack = Boolean(args.lookBack) || options.selection?.reasons !== undefined;
  const ends = expandStages(['drop,consume']).stages;
  const wanted = new Set([...options.stages, ...ends]);
  return {
    options: {
      ...others,
      stages: allStages.filter((stage) => wanted.has(stage)),
      follow: 'packets',
      ...(lookBack && { lookBack }),
    },
    notes,
    ...(packets !== undefined && { packets }),
    ...(filter && { filter }),
  };
}
