/** Messages of one packet in one base chain, put together again. */
import { isDecision, type RuleTrace, type RuleTraces } from './rule-trace.js';

/** One packet's way through one base chain and those that it calls, as far as it was traced. */
export interface RuleRun {
  readonly netnsInum: number;
  readonly nfproto: number;
  readonly network: Uint8Array;
  readonly transport: Uint8Array | undefined;
  readonly goesOut: boolean;
  /** CLOCK_BOOTTIME in ns: it began after the one, and not after the other. */
  readonly fromNs: number;
  readonly toNs: number;
  /** In order; more may come. */
  readonly messages: RuleTrace[];
}

/** The base chain; undefined as long as only chains that it calls have told of the packet. */
export function baseOf({ messages }: RuleRun): RuleTrace | undefined {
  return messages.find(({ hook }) => hook !== undefined);
}

/** More are never on their way at once: each is in some CPU's hands. */
const openMax = 4096;

export class RuleRuns {
  /** Those that no decision has ended, by namespace and trace id. */
  private readonly open = new Map<string, RuleRun>();
  /** Messages that found no room, and those that are of no use without them. */
  lost = 0;

  constructor(private readonly begun: (run: RuleRun) => void) {}

  take({ netnsInum, fromNs, toNs, lost, messages }: RuleTraces): void {
    this.lost += lost;
    // Any of them may have a gap. What is yet to come of them has no beginning then.
    if (lost > 0) this.forget(netnsInum);
    for (const message of messages) this.message(message, { netnsInum, fromNs, toNs });
  }

  private forget(netnsInum: number): void {
    for (const [key, run] of this.open)
      if (run.netnsInum === netnsInum) {
        this.lost += run.messages.length;
        run.messages.length = 0;
        this.open.delete(key);
      }
  }

  private message(message: RuleTrace, where: Pick<RuleRun, 'netnsInum' | 'fromNs' | 'toNs'>): void {
    const { id, network, transport, nfproto, goesOut } = message;
    const key = `${where.netnsInum} ${id}`;
    if (network) {
      const run = { ...where, network, transport, nfproto, goesOut, messages: [message] };
      this.open.set(key, run);
      if (this.open.size > openMax) this.open.delete(this.open.keys().next().value!);
      this.begun(run);
    } else {
      const run = this.open.get(key);
      if (run) run.messages.push(message);
      else this.lost += 1;
    }
    if (isDecision(message)) this.open.delete(key);
  }
}
