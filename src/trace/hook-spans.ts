/** Which position a link had at a time: positions change while packets that passed the old ones are still on their way. */
import type { HookPosition } from '../netfilter/types.js';

interface Span {
  /** CLOCK_BOOTTIME in ns, as a double: exact to about a microsecond. */
  readonly from: number;
  readonly position: HookPosition;
}

/** Older positions are forgotten once no event from their time can still be waiting. */
const keptNs = 60e9;

/** Positions of the links of one hook (namespace, family and hook number), by slot. */
export class HookSpans {
  private readonly slots: (readonly Span[])[] = [];

  /** From now on the link in this slot stands here. */
  begin(slot: number, from: number, position: HookPosition): void {
    const spans = this.slots[slot] ?? [];
    const current = spans.filter((_, index) => (spans[index + 1]?.from ?? from) > from - keptNs);
    this.slots[slot] = [...current, { from, position }];
  }

  /** The position at that time; for a record from just before the first one is known, the first. */
  at(slot: number, timeNs: number): HookPosition | undefined {
    const spans = this.slots[slot];
    if (!spans) return undefined;
    for (let index = spans.length - 1; index > 0; index -= 1)
      if (spans[index]!.from <= timeNs) return spans[index]!.position;
    return spans[0]?.position;
  }
}
