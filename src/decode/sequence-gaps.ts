/** Gaps in the numbers that programs give their records: what was lost, at the place where it is missing. */
import { tapRecord as at } from './layout.generated.js';
import type { Batch } from './record.js';

export class SequenceGaps {
  /** Each attachment's next number on each ring. */
  private readonly next: number[] = [];

  constructor(private readonly rings: number) {}

  /**
   * Records of its attachment and CPU that are missing before this one; of the first one that is not known, so it is 0. To
   * be called for each record in the order of its ring, but not for those that amend one: they have its number. Negative
   * where a program that was interrupted by itself gave a number twice: one was counted too much before.
   */
  before(ring: number, batch: Batch, offset: number): number {
    const source = batch.u16[(offset + at.attachId) >> 1]! * this.rings + ring;
    const sequence = batch.u32[(offset + at.sequence) >> 2]!;
    const expected = this.next[source];
    this.next[source] = (sequence + 1) >>> 0;
    return expected === undefined ? 0 : (sequence - expected) | 0;
  }
}
