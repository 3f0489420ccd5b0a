/** One event on its way to the screen: the record, its packet, and what the trace knows about both. */
import type { Attachment } from '../attach/plan.js';
import type { DecodedPacket } from '../decode/packet.js';
import type { RecordView } from '../decode/record.js';
import type { Stage } from '../stages/types.js';

/** Valid until the next event: everything in it is used again. */
export interface TapEvent {
  /** Counts printed events from 1. */
  seq: number;
  record: RecordView;
  packet: DecodedPacket;
  attachment: Attachment;
  stage: Stage;
  /** It came after later events had been given out. */
  late: boolean;
}

/** Names for numbers in records. */
export interface Names {
  device(netnsInum: number, ifindex: number): string | undefined;
  dropReason(value: number): string;
  symbol(address: bigint): string;
  /** Kernel functions of a stack, innermost first, our own frames left out. */
  stack(stackId: number): readonly string[];
  /** Task names, cleaned for a terminal. */
  comm(record: RecordView): string;
  /** Nanoseconds to add to CLOCK_BOOTTIME for the wall clock. */
  readonly wallOffsetNs: bigint;
}
