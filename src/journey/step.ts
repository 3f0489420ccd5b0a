/** One event of a journey, kept after its batch was used again: the record is copied into a slab that many steps share. */
import type { Attachment } from '../attach/plan.js';
import { type DecodedPacket, decodePacket, emptyPacket } from '../decode/packet.js';
import { Batch, RecordView } from '../decode/record.js';
import type { RuleHit } from '../netfilter/rule-trace.js';
import type { HookPosition } from '../netfilter/types.js';
import type { Stage } from '../stages/types.js';
import type { TapEvent } from '../trace/event.js';
import type { Delivery } from '../trace/verdicts.js';

const slabBytes = 16384;
const vlanTagBytes = 4;

export interface Step {
  /** Of the event in the run. */
  readonly seq: number;
  /** Where the copy of the record is. */
  readonly slab: Batch;
  readonly offset: number;
  readonly attachment: Attachment;
  readonly stage: Stage;
  readonly late: boolean;
  /** Nanoseconds since the first event of the run. */
  readonly atNs: number;
  /** Index in Journey.branches. */
  readonly branch: number;
  /** What decoding found in the bytes at the entry of the receive function: it can be done only once. */
  readonly moved: Pick<DecodedPacket, 'untagged' | 'cutTag' | 'vlan'> | undefined;
  /** Why the event is counted to this journey, where addresses and content do not prove it. */
  readonly guess: string | undefined;
  /** Where in its netfilter hook, as far as it is known. */
  readonly hook: HookPosition | undefined;
  /** What a packet socket made of it. */
  readonly delivery: Delivery | undefined;
  /** What nft told of the chains that were ahead of it here: known once the journey has ended. */
  rules?: readonly RuleHit[];
}

/** Copies records; a slab is freed when no step refers to it any more. */
export class StepStore {
  private slab = new Batch(new Uint8Array(slabBytes));
  private used = 0;

  /** Copies the event's record. */
  keep(event: TapEvent, atNs: number, branch: number, guess: string | undefined): Step {
    const { record, packet } = event;
    const bytes = record.recordLen;
    if (this.used + bytes > this.slab.u8.length) {
      this.slab = new Batch(new Uint8Array(Math.max(slabBytes, bytes)));
      this.used = 0;
    }
    const { slab, used: offset } = this;
    slab.u8.set(record.batch.u8.subarray(record.offset, record.offset + bytes), offset);
    this.used += bytes;
    return {
      seq: event.seq,
      slab,
      offset,
      attachment: event.attachment,
      stage: event.stage,
      late: event.late,
      atNs,
      branch,
      moved: packet.untagged || packet.cutTag ? moveOf(packet) : undefined,
      guess,
      hook: event.hook,
      delivery: event.delivery,
    };
  }
}

function moveOf({ untagged, cutTag, vlan }: DecodedPacket): NonNullable<Step['moved']> {
  return { untagged, cutTag, ...(vlan && { vlan }) };
}

/** As decode/packet.ts left it, when the tag was taken out of the bytes. */
function moveAgain(packet: DecodedPacket, moved: NonNullable<Step['moved']>): void {
  Object.assign(packet, moved);
  if (!moved.untagged) return;
  packet.offset += vlanTagBytes;
  packet.len -= vlanTagBytes;
  packet.capLen = Math.max(0, packet.capLen - vlanTagBytes);
}

/** Shows one kept event at a time, as it was shown live; what it gives is valid until the next call. */
export class StepReader {
  private readonly record = new RecordView();
  private readonly packet: DecodedPacket = emptyPacket();
  private readonly event = { record: this.record, packet: this.packet } as TapEvent;

  open(step: Step): TapEvent {
    const { event } = this;
    this.record.at(step.slab, step.offset);
    decodePacket(this.record, this.packet, false);
    if (step.moved) moveAgain(this.packet, step.moved);
    event.seq = step.seq;
    event.attachment = step.attachment;
    event.stage = step.stage;
    event.late = step.late;
    event.hook = step.hook;
    event.delivery = step.delivery;
    return event;
  }
}
