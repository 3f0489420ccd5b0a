/** Deliveries whose answer is still to come: the record of the entry, put together with that of the return. */
import { amend, isAmendedBy } from '../decode/amend.js';
import { Batch, RecordView } from '../decode/record.js';

/** A function runs once at a time on a CPU; answers that were lost leave something behind. */
const pendingMax = 64;

export class PendingDeliveries {
  private pending: Batch[] = [];
  private readonly whole = new RecordView();

  /** Copies the record. */
  keep({ batch, offset, recordLen }: RecordView): void {
    if (this.pending.length >= pendingMax) this.pending.shift();
    const copy = new Batch(new Uint8Array(recordLen));
    copy.u8.set(batch.u8.subarray(offset, offset + recordLen));
    this.pending.push(copy);
  }

  /** The record that this one amends, amended; valid until the next call. Undefined where it was not kept. */
  answered({ batch, offset }: RecordView): RecordView | undefined {
    const index = this.pending.findLastIndex((one) => isAmendedBy(one, 0, batch, offset));
    const [found] = index < 0 ? [] : this.pending.splice(index, 1);
    if (!found) return undefined;
    amend(found, 0, batch, offset);
    return this.whole.at(found, 0);
  }
}
