/** taptrace as users run it: a process that prints NDJSON. */
import { packagePath } from '../../src/native/binding.js';
import { toHex } from './bytes.js';
import { Child, type Exit, patient } from './process.js';
import { RING_KIB } from './tcpdump.js';

/** TAPTRACE_BIN names another build or an installed package to test. */
const MAIN = process.env.TAPTRACE_BIN ?? packagePath('dist/bin/taptrace/main.js');

/** A VLAN tag that lives in packet metadata. */
export interface VlanTag {
  readonly tci: number;
  readonly protocol: number;
}

/** Who ran on the CPU. */
export interface Task {
  readonly pid: number;
  readonly comm: string;
  readonly context?: 'process' | 'softirq';
}

/** A base chain, as far as tests read it. */
export interface Chain {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly priority: number;
  readonly owner: string;
}

export interface HookPosition {
  readonly family: 'ip' | 'ip6' | 'arp' | 'netdev' | 'bridge';
  readonly hook: string;
  /** From here on only where links of ours stand between the chains. */
  readonly priority: number;
  readonly position: number;
  readonly of: number;
  readonly passed: readonly Chain[];
  readonly ahead: readonly Chain[];
}

/** Between events: chains may have been named as they were before. */
export interface Gap {
  readonly type: 'gap';
  readonly fromTsNs: string;
  readonly tsNs: string;
  readonly netns: number;
}

/** An event line; only the keys that tests read. */
export interface TraceEvent {
  readonly type: 'event';
  readonly seq: number;
  readonly time: string;
  readonly tsNs: string;
  readonly stage: string;
  readonly mechanism: string;
  readonly function?: string;
  readonly observed: boolean;
  readonly direction: 'rx' | 'tx' | 'forward' | 'unknown';
  readonly cpu: number;
  readonly len: number;
  readonly capLen: number;
  readonly netns?: number;
  readonly ifindex?: number;
  readonly ifname?: string;
  readonly armed?: boolean | 'unknown';
  readonly data?: string;
  readonly linkType?: string;
  readonly vlan?: VlanTag;
  readonly summary?: string;
  readonly src?: string;
  readonly dst?: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly proto?: string;
  readonly notes?: readonly string[];
  readonly stack?: readonly string[];
  readonly skb?: string;
  readonly verdict?: string;
  readonly packet?: number;
  /** Of a netfilter hook. */
  readonly family?: string;
  readonly reason?: string;
  readonly location?: string;
  readonly diedIn?: {
    readonly function: string;
    readonly stage?: string;
    readonly position?: string;
    readonly family?: string;
    readonly text: string;
  };
  readonly task?: Task;
  readonly socketInode?: string;
  readonly socketCookie?: string;
  /** It only says what became of the packet of an earlier event. */
  readonly amends?: true;
  /** What a packet socket made of it. */
  readonly result?: string;
  readonly takenBytes?: number;
  readonly ifindexOut?: number;
  /** Which netfilter hook, and between which of its chains. */
  readonly hook?: HookPosition;
}

/** The header line; only the keys that tests read. */
export interface TraceHeader {
  readonly type: 'header';
  readonly arm: boolean;
  /** Mechanisms by stage. */
  readonly plan: Readonly<Record<string, string>>;
  readonly interfaces: readonly { readonly ifname: string; readonly genericXdp?: boolean }[];
  /** What cannot be seen, or not as a tap sees it, in sentences. */
  readonly notes: readonly string[];
  /** What was asked for beside the filter. */
  readonly selection?: Readonly<Record<string, unknown>>;
  readonly follow?: true;
  readonly lookBack?: boolean;
  /** Where the filter runs. */
  readonly filterRuns?: unknown;
  readonly hooks?: readonly { readonly netns: number; readonly chains: readonly Chain[] }[];
}

export interface LossCounts {
  readonly ring: number | null;
  readonly recursion: number | null;
  readonly user?: number | null;
}

/** The summary line. */
export interface TraceSummary {
  readonly type: 'summary';
  readonly events: number;
  readonly packets?: number;
  readonly lost: LossCounts;
  readonly lostByStage: Readonly<Record<string, LossCounts>>;
  readonly complete: boolean | 'unknown';
  /** Followed packets that were let go, since there were too many. */
  readonly forgotten?: number;
  readonly filteredOut: number;
  readonly undecided: number;
}

/** Everything a finished trace said. */
export interface TraceResult {
  readonly exit: Exit;
  readonly header: TraceHeader;
  readonly events: readonly TraceEvent[];
  readonly gaps: readonly Gap[];
  readonly summary: TraceSummary;
  readonly stderr: string;
}

/** A running `taptrace … --json`. */
export class Tracer {
  readonly child: Child;
  readonly #lines: string[] = [];
  #rest = '';

  private constructor(argv: readonly string[]) {
    this.child = new Child(argv, { onStdout: (text) => this.#take(text) });
  }

  /** Starts a trace and waits for its header: from then on every packet has to be there. */
  static async start(args: readonly string[]): Promise<Tracer> {
    const tracer = new Tracer(traceCommand(['--json', ...args]));
    await tracer.child.until(() => tracer.#lines.length > 0, 'header line', patient(20_000));
    return tracer;
  }

  #take(text: string): void {
    const [first, ...more] = text.split('\n') as [string, ...string[]];
    this.#rest += first;
    for (const next of more) {
      this.#lines.push(this.#rest);
      this.#rest = next;
    }
  }

  /** Waits until `count` events carry these packet bytes. */
  untilData(bytes: Uint8Array, count: number): Promise<void> {
    return this.untilLines(toHex(bytes), count);
  }

  /** Waits until `count` lines contain this text. */
  async untilLines(text: string, count: number): Promise<void> {
    let seen = 0;
    let next = 0;
    await this.child.until(() => {
      for (; next < this.#lines.length; next++) if (this.#lines[next]!.includes(text)) seen += 1;
      return seen >= count;
    }, `${count} lines with ${text}`);
  }

  /** Ends the trace and returns all it printed. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<TraceResult> {
    const exit = await this.child.stop(signal);
    return parseTrace(this.#lines, exit, this.child.stderr);
  }
}

/** The command that runs taptrace. */
export function tracerCommand(): string[] {
  return [process.execPath, MAIN];
}

/**
 * The command of a trace that must not lose anything while all CPUs are busy with the traffic and with
 * other observers: its rings are as large as those that tcpdump gets, unless the arguments say otherwise.
 */
export function traceCommand(args: readonly string[]): string[] {
  const rings = args.includes('--buffer-size') ? [] : ['--buffer-size', `${RING_KIB}K`];
  return [...tracerCommand(), 'trace', ...rings, ...args];
}

function parseTrace(lines: readonly string[], exit: Exit, stderr: string): TraceResult {
  const parsed = lines.map((line) => JSON.parse(line) as { type: string });
  const [header] = parsed;
  const summary = parsed.at(-1);
  if (header?.type !== 'header') throw new Error(`the first line is no header: ${lines[0]}\n${stderr}`);
  if (summary?.type !== 'summary') throw new Error(`the last line is no summary: ${lines.at(-1)}\n${stderr}`);
  const gaps = parsed.filter(({ type }) => type === 'gap');
  const events = parsed.slice(1, -1).filter(({ type }) => type !== 'gap');
  const stranger = events.find(({ type }) => type !== 'event');
  if (stranger) throw new Error(`neither event, gap, header nor summary: ${JSON.stringify(stranger)}`);
  return {
    exit,
    header: header as unknown as TraceHeader,
    events: events as unknown as TraceEvent[],
    gaps: gaps as unknown as Gap[],
    summary: summary as unknown as TraceSummary,
    stderr,
  };
}
