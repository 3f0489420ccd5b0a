/** One event on its way to the screen: the record, its packet, and what the trace knows about both. */
import type { Attachment } from '../attach/plan.js';
import type { DecodedPacket } from '../decode/packet.js';
import type { RecordView } from '../decode/record.js';
import type { HookPosition } from '../netfilter/types.js';
import type { WallClock } from '../render/time.js';
import type { Death } from '../stages/death.js';
import type { Stage } from '../stages/types.js';
import type { Holder } from '../system/packet-sockets.js';
import type { Delivery } from './verdicts.js';

/** Valid until the next event: everything in it is used again. */
export interface TapEvent {
  /** Counts printed events from 1. */
  seq: number;
  record: RecordView;
  packet: DecodedPacket;
  attachment: Attachment;
  stage: Stage;
  /** Between which chains of a netfilter hook, where a link of ours saw it. */
  hook?: HookPosition | undefined;
  /** What a packet socket made of it, where its filter could be asked too. */
  delivery?: Delivery | undefined;
  /** It came after later events had been given out. */
  late: boolean;
  /**
   * Events of its attachment, whatever the device, that are missing before it: a gap in the numbers of a CPU stands at the
   * next event from there that is wanted. Loss behind the last one is in the ledger alone.
   */
  lostBefore?: number;
}

/** Names for numbers in records. */
export interface Names {
  /** A device's name, control characters made visible; absent where it is not known. */
  deviceName(netnsInum: number, ifindex: number): string | undefined;
  /** For people: with its namespace where more than one is watched; `if7` where no name is known. */
  deviceLabel(netnsInum: number, ifindex: number): string;
  dropReason(value: number): string;
  symbol(address: bigint): string;
  /** Where a dropped packet died; undefined where neither its stack nor the address that freed it tells. */
  death(record: RecordView): Death | undefined;
  /** Stacks were asked for; those of drops are taken in any case. */
  readonly showsStacks: boolean;
  /** Kernel functions of a stack, innermost first, our own frames left out. */
  stack(stackId: number): readonly string[];
  /** The task's name, control characters made visible. */
  comm(record: RecordView): string;
  /** Processes that hold a packet socket, by its inode; absent where nobody looks. */
  socketHolders?(inode: string): readonly Holder[];
  /** Turns records' times into wall-clock time. */
  readonly clock: WallClock;
}
