/** What programs may ask of a run, and the command line's own checks of it. */
import type { TraceArguments } from '../cli/trace-options.js';
import { UsageError } from '../errors.js';
import type { Mechanism, StageGroup, StageId } from '../stages/types.js';

/** What to end a run by, and what to hear of it. */
export interface RunOptions {
  /** Ends the run in good order: what was seen until then is given, then iteration ends without an error. */
  readonly signal?: AbortSignal;
  /** Sentences for the user while it runs: devices that come and go, rulesets that change. */
  readonly onNotice?: (text: string) => void;
}

/** Which packets, and how much of them. */
export interface SelectOptions extends RunOptions {
  /** tcpdump's filter language. */
  readonly filter?: string;
  /** Devices; `*` and `?` match. Default: every device. */
  readonly interfaces?: readonly string[];
  /** Stage ids and groups. Default: `taps` of events, `all` of journeys, what `compare` needs of a comparison. */
  readonly stages?: readonly (StageId | StageGroup)[];
  /** Only packets that come in, or go out. */
  readonly direction?: 'in' | 'out';
  /** Bytes kept of each packet, 0 for whole packets. Default: 256; of a recording, all that it has. */
  readonly snaplen?: number;
  /** Ends after this many events, or packets where packets are followed. */
  readonly count?: number;
  /** Kernel stacks: take them (half the packet rate), or show those that were recorded. */
  readonly stack?: boolean;
}

/** How to watch a live kernel. */
export interface TraceOptions extends SelectOptions {
  /** Network namespaces: names, paths, process ids, `self` or `all`. Default: the own one. */
  readonly netns?: readonly string[];
  /** Ends after so many seconds. */
  readonly seconds?: number;
  /** Opens a packet socket on each device: arms the taps and watches them from inside. */
  readonly arm?: boolean;
  /** No probe that others could see. */
  readonly observe?: boolean;
  /** Watches a stage by this rung of its ladder. */
  readonly mechanisms?: Readonly<Partial<Record<StageId, Mechanism>>>;
  /** Ring buffer of each CPU, in KiB. Default: 16384. */
  readonly ringKib?: number;
}

/** Every option once: a key that is missing here does not compile. */
const options: Readonly<Record<keyof TraceOptions, true>> = {
  ...{
    signal: true,
    onNotice: true,
    filter: true,
    interfaces: true,
    stages: true,
    direction: true,
    snaplen: true,
  },
  ...{ count: true, stack: true, netns: true, seconds: true, arm: true, observe: true, mechanisms: true },
  ringKib: true,
};
const known = Object.keys(options);

const text = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : `${value}`;

/**
 * The same as words of a command line, which checks them. Throws UsageError for an option that there is not: a
 * misspelt one would trace something else.
 */
export function asArguments(asked: TraceOptions): TraceArguments {
  const stranger = Object.keys(asked).find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw new UsageError(`there is no option '${stranger}'`, `there are: ${known.join(', ')}`);
  const { interfaces, netns, stages, direction, snaplen, count, seconds, arm, observe, mechanisms, stack } =
    asked;
  return {
    ...{ interface: interfaces, netns, stages, direction, arm, observe, stack },
    snaplen: text(snaplen),
    bufferSize: text(asked.ringKib ?? 16384),
    count: text(count),
    duration: text(seconds),
    mechanism: Object.entries(mechanisms ?? {}).map((pair) => pair.join('=')),
  };
}
