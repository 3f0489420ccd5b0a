/** Which events are wanted: by direction, filter and device, up to a number. */
import { tapFilter } from '../decode/layout.generated.js';
import type { DecodedPacket } from '../decode/packet.js';
import type { RecordView } from '../decode/record.js';
import { type PacketFilter, verdict } from '../filter/filter.js';
import type { Stage } from '../stages/types.js';

export interface SelectionOptions {
  readonly count?: number | undefined;
  readonly direction?: 'in' | 'out' | undefined;
  readonly filter?: Pick<PacketFilter, 'match'> | undefined;
  /** The filter ran in the kernel, where that could be: what passed there has passed. */
  readonly kernelDecides?: boolean;
  /** Absent: every device. */
  readonly isSelected?: ((record: RecordView) => boolean) | undefined;
}

const packetOutgoing = 4;

export class Selection {
  passed = 0;
  filteredOut = 0;
  /** Events whose captured bytes ended before the filter could decide. */
  undecided = 0;

  constructor(private readonly options: SelectionOptions) {}

  /** As many as were asked for have passed. */
  get isFull(): boolean {
    return this.options.count !== undefined && this.passed >= this.options.count;
  }

  /** Counts it. */
  wants(record: RecordView, packet: DecodedPacket, stage: Stage): boolean {
    const { direction, filter, kernelDecides, isSelected } = this.options;
    if (direction && !goes(record, stage, direction)) return false;
    if (isSelected && !isSelected(record)) return false;
    if (filter && !(kernelDecides && record.filterResult === tapFilter.yes)) {
      const answer = filter.match(record, packet);
      if (answer === verdict.undecided) this.undecided += 1;
      else if (answer === verdict.no) this.filteredOut += 1;
      if (answer !== verdict.yes) return false;
    }
    this.passed += 1;
    return true;
  }
}

function goes(record: RecordView, stage: Stage, direction: 'in' | 'out'): boolean {
  if (stage.direction === 'rx') return direction === 'in';
  if (stage.direction === 'tx') return direction === 'out';
  return (record.packetType === packetOutgoing) === (direction === 'out');
}
