/**
 * Records that amend an earlier one: what became of a packet is known only when a function returns, when the packet
 * itself may be gone (bpf/amend.h). The first record is still waiting for its turn then.
 */
import { tapRecord as at, tapFlag } from './layout.generated.js';
import type { Batch } from './record.js';

const words = {
  skbLow: at.skb >> 2,
  skbHigh: (at.skb >> 2) + 1,
  present: at.present >> 2,
  flags: at.flags >> 2,
  verdict: at.verdict >> 2,
  auxLow: at.aux >> 2,
  auxHigh: (at.aux >> 2) + 1,
} as const;

export function isAmendment(batch: Batch, offset: number): boolean {
  return (batch.u32[(offset >> 2) + words.flags]! & tapFlag.amends) !== 0;
}

/** Whether `amendment` is about this record: the same attachment saw the same sk_buff. */
export function isAmendedBy(record: Batch, at1: number, amendment: Batch, at2: number): boolean {
  const [from, to] = [at2 >> 2, at1 >> 2];
  return (
    record.u32[to + words.skbLow] === amendment.u32[from + words.skbLow] &&
    record.u32[to + words.skbHigh] === amendment.u32[from + words.skbHigh] &&
    record.u16[(at1 + at.attachId) >> 1] === amendment.u16[(at2 + at.attachId) >> 1] &&
    !isAmendment(record, at1)
  );
}

/** Copies verdict and aux into the record. */
export function amend(record: Batch, at1: number, amendment: Batch, at2: number): void {
  const [from, to] = [at2 >> 2, at1 >> 2];
  record.u32[to + words.present]! |= amendment.u32[from + words.present]!;
  for (const word of [words.verdict, words.auxLow, words.auxHigh])
    record.u32[to + word] = amendment.u32[from + word]!;
}
