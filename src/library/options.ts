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
  /** Only packets with this mark: `VALUE` or `VALUE/MASK`, such as `0x10/0xff`. */
  readonly mark?: string;
  /** Only while the kernel works for these processes. */
  readonly pids?: readonly number[];
  /** Only while the kernel works for tasks of these names. */
  readonly comms?: readonly string[];
  /** Only of a socket of these users, or while the kernel works for one of their tasks. */
  readonly uids?: readonly number[];
  /** Only packets of at least so many bytes. */
  readonly minLen?: number;
  /** Only packets of at most so many bytes. */
  readonly maxLen?: number;
  /** Bytes kept of each packet, 0 for whole packets. Default: 256; of a recording, all that it has. */
  readonly snaplen?: number;
  /** Ends after this many events, or packets where packets are followed. */
  readonly count?: number;
  /** Kernel stacks: take them (half the packet rate), or show those that were recorded. */
  readonly stack?: boolean;
}

/** Which packets of a capture file, and how much of them. */
export type CaptureOptions = Pick<
  SelectOptions,
  | keyof RunOptions
  | 'filter'
  | 'interfaces'
  | 'stages'
  | 'direction'
  | 'minLen'
  | 'maxLen'
  | 'snaplen'
  | 'count'
>;

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
  /** Only packets dropped for these reasons, such as `NO_SOCKET`. */
  readonly reasons?: readonly string[];
  /** Only one flow in so many. */
  readonly sample?: number;
  /** Of events: packets that match are shown from then on at every stage, to their end. */
  readonly follow?: boolean;
  /** Of journeys: also what a packet passed before it matched. */
  readonly lookBack?: boolean;
  /** Ring buffer of each CPU, in KiB. Default: 16384. */
  readonly ringKib?: number;
}

type Names<T> = Readonly<Record<keyof T, true>>;

/** Every option once: a key that is missing here does not compile. */
export const selectNames: Names<SelectOptions> = {
  ...{
    signal: true,
    onNotice: true,
    filter: true,
    interfaces: true,
    stages: true,
    direction: true,
    snaplen: true,
  },
  ...{
    count: true,
    stack: true,
    mark: true,
    pids: true,
    comms: true,
    uids: true,
    minLen: true,
    maxLen: true,
  },
};
export const captureNames: Names<CaptureOptions> = {
  ...{ signal: true, onNotice: true, filter: true, interfaces: true, stages: true, direction: true },
  ...{ minLen: true, maxLen: true, snaplen: true, count: true },
};
export const traceNames: Names<TraceOptions> = {
  ...selectNames,
  ...{ netns: true, seconds: true, arm: true, observe: true, mechanisms: true, ringKib: true },
  ...{ reasons: true, sample: true, follow: true, lookBack: true },
};

const text = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : `${value}`;

/**
 * The same as words of a command line, which checks them. Throws UsageError for an option that there is not: a
 * misspelt one would trace something else.
 */
export function asArguments(asked: TraceOptions, names: Partial<Names<TraceOptions>>): TraceArguments {
  const known = Object.keys(names);
  const stranger = Object.keys(asked).find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw new UsageError(`there is no option '${stranger}'`, `there are: ${known.join(', ')}`);
  const { interfaces, netns, stages, direction, mark, arm, observe, stack, follow, lookBack } = asked;
  return {
    ...{ interface: interfaces, netns, stages, direction, mark, arm, observe, stack, follow, lookBack },
    ...{ reason: asked.reasons, comm: asked.comms },
    ...{ pid: asked.pids?.map(String), uid: asked.uids?.map(String) },
    ...{ minLen: text(asked.minLen), maxLen: text(asked.maxLen), sample: text(asked.sample) },
    ...{ snaplen: text(asked.snaplen), count: text(asked.count), duration: text(asked.seconds) },
    bufferSize: text(asked.ringKib ?? 16384),
    mechanism: Object.entries(asked.mechanisms ?? {}).map((pair) => pair.join('=')),
  };
}
