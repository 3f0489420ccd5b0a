/** Which events are wanted: those of packets that were chosen, up to a number. */
import { tapChoice, tapFilter } from '../decode/layout.generated.js';
import { type PacketFilter, verdict } from '../filter/filter.js';
import type { TapEvent } from './event.js';
import type { FollowedPackets } from './followed.js';
import { meets } from './metadata-answers.js';
import type { PacketSelection } from './packet-selection.js';

export interface SelectionOptions {
  readonly count?: number | undefined;
  /** Asked here, unless the kernel has chosen the packet by it. */
  readonly selection?: PacketSelection | undefined;
  readonly filter?: Pick<PacketFilter, 'match'> | undefined;
  /** The kernel was asked, where that could be: what it has chosen is chosen. */
  readonly kernelDecides?: boolean;
  /** Packets that matched once are wanted until their end. */
  readonly followed?: FollowedPackets | undefined;
  /** Absent: every device. */
  readonly isSelected?: ((event: SelectedEvent) => boolean) | undefined;
}

export type SelectedEvent = Pick<TapEvent, 'record' | 'packet' | 'stage'>;

/** Recordings of versions that left the choice to user space have none. */
const isChosen = ({ choice }: { choice: number }): boolean => choice !== 0;

/** The kernel tells of the packet because of what it is here, not of what it was elsewhere. */
export const matchedHere = ({ choice }: { choice: number }): boolean =>
  choice === 0 || choice === tapChoice.matched;

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
  wants(event: TapEvent): boolean {
    const { followed } = this.options;
    const isMatch = this.matches(event);
    const isWanted = followed ? followed.takes(event, isMatch) : isMatch;
    if (isWanted) this.passed += 1;
    return isWanted;
  }

  /** Of a packet that is not followed. Counts it. */
  wantsAlone(event: SelectedEvent): boolean {
    const isMatch = this.matches(event);
    if (isMatch) this.passed += 1;
    return isMatch;
  }

  private matches(event: SelectedEvent): boolean {
    const { record } = event;
    const { selection, filter, kernelDecides, isSelected } = this.options;
    const byKernel = kernelDecides && isChosen(record);
    if (byKernel && !matchedHere(record)) return false;
    if (!byKernel && selection && !meets(event, selection)) return false;
    if (isSelected && !isSelected(event)) return false;
    if (!filter || (kernelDecides && record.filterResult === tapFilter.yes)) return true;
    const answer = filter.match(record, event.packet);
    if (answer === verdict.undecided) this.undecided += 1;
    else if (answer === verdict.no) this.filteredOut += 1;
    return answer === verdict.yes;
  }
}
