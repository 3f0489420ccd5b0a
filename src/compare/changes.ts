/** What was changed of a packet between two of its events, and by whom: NAT and marks. */
import type { Flow } from './flow.js';
import type { Groups, Translation } from './groups.js';
import type { Row } from './place.js';
import { countIn, type Pass, type Walk } from './walk.js';

/** What an event shows of a packet. */
export interface Seen {
  readonly row: Row;
  readonly flow: Flow;
  readonly mark: number | undefined;
}

const none: readonly Translation[] = [];

function translations(before: Flow, after: Flow): readonly Translation[] {
  const source = before.rewrittenTo(after, 'source');
  const destination = before.rewrittenTo(after, 'destination');
  if (!source && !destination) return none;
  return [
    ...(source ? [{ what: 'source', ...source } as const] : []),
    ...(destination ? [{ what: 'destination', ...destination } as const] : []),
  ];
}

export class Changes {
  constructor(private readonly groups: Groups) {}

  /** Since the walk's last event; `pass`: the hook that both were in, so that the chains between did it. */
  take(walk: Walk, { row, flow, mark }: Seen, pass: Pass | undefined): void {
    const place = pass ? (pass.chains ?? pass.hook) : row;
    if (walk.last && walk.flow?.isComparable(flow)) {
      const list = translations(walk.flow, flow);
      if (list.length > 0) this.rewritten(walk, place, pass, list);
    }
    // Elsewhere a mark says nothing of netfilter: it is taken off where a packet changes its namespace.
    if (!pass || mark === undefined || walk.mark === undefined || mark === walk.mark) return;
    countOnce(place, pass, 'marked');
    this.groups.add({ kind: 'marked', place, tap: walk.tap?.row });
  }

  /** It is told once the next place is known, with what that saw. */
  private rewritten(walk: Walk, place: Row, pass: Pass | undefined, list: readonly Translation[]): void {
    countOnce(place, pass, 'rewritten');
    this.settle(walk, undefined);
    walk.rewrite = { place, tap: walk.tap?.row, entered: walk.entered, translations: list };
  }

  /** Tells what waits; undefined: there was no next place. */
  settle(walk: Walk, later: Row | undefined): void {
    const { rewrite } = walk;
    if (!rewrite) return;
    walk.rewrite = undefined;
    const { place, tap, entered } = rewrite;
    for (const translation of rewrite.translations)
      this.groups.add({ kind: 'rewritten', place, tap, entered, later, translation });
  }
}

/** A hook counts a packet once, however many of its chains changed it. */
function countOnce(place: Row, pass: Pass | undefined, what: 'rewritten' | 'marked'): void {
  if (!pass) {
    place[what] += 1;
    return;
  }
  const flag = what === 'rewritten' ? 'wasRewritten' : 'wasMarked';
  if (!pass[flag]) countIn(place, pass, what);
  else if (place !== pass.hook) place[what] += 1;
  pass[flag] = true;
}
