/** From records in order to events: the same for a live trace and for a recording. */
import type { Attachment } from '../attach/plan.js';
import { type DecodedPacket, decodePacket, emptyPacket } from '../decode/packet.js';
import { type Batch, RecordView } from '../decode/record.js';
import type { HookPosition } from '../netfilter/types.js';
import { stageById } from '../stages/lookup.js';
import type { TapEvent } from './event.js';
import type { Selection } from './selection.js';
import type { SocketTakes } from './socket-takes.js';

export interface EventContext {
  readonly attachments: readonly Attachment[];
  /** Which of our links a record is from. */
  readonly positionOf: (record: RecordView) => HookPosition | undefined;
  readonly takes?: SocketTakes | undefined;
  /** Bytes of a packet that are shown; more may have been captured for a filter. */
  readonly snaplen: number;
}

export class EventMaker {
  private readonly record = new RecordView();
  private readonly packet: DecodedPacket = emptyPacket();
  private readonly event: TapEvent;
  /** What is missing before the next event of an attachment. */
  private readonly missing: number[] = [];
  events = 0;
  late = 0;

  constructor(
    private readonly context: EventContext,
    /** An event has to pass all of them. */
    private readonly selections: readonly Selection[],
    private readonly give: (event: TapEvent) => void,
  ) {
    this.event = { seq: 0, record: this.record, packet: this.packet, late: false } as TapEvent;
  }

  get filteredOut(): number {
    return this.selections.reduce((sum, one) => sum + one.filteredOut, 0);
  }

  get undecided(): number {
    return this.selections.reduce((sum, one) => sum + one.undecided, 0);
  }

  /** `gap`: records that are missing before it. */
  take(batch: Batch, offset: number, late: boolean, gap = 0): void {
    const { record, packet, event, context } = this;
    for (const selection of this.selections) if (selection.isFull) return;
    record.at(batch, offset);
    const attachment = context.attachments[record.attachId];
    if (!attachment)
      throw new Error(`a record names attachment ${record.attachId}, which the plan does not have`);
    if (gap !== 0) this.missing[attachment.attachId] = (this.missing[attachment.attachId] ?? 0) + gap;
    const stage = stageById(attachment.stage);
    decodePacket(record, packet, stage.id === 'rx-tap' && attachment.mechanism !== 'packet_socket');
    event.attachment = attachment;
    event.stage = stage;
    event.late = late;
    event.hook = attachment.mechanism === 'netfilter' ? context.positionOf(record) : undefined;
    for (const selection of this.selections) if (!selection.wants(event)) return;
    event.delivery = stage.id === 'delivery' ? context.takes?.delivery(record, packet) : undefined;
    if (packet.capLen > context.snaplen) packet.capLen = context.snaplen;
    this.events += 1;
    if (late) this.late += 1;
    event.seq = this.events;
    event.lostBefore = record.is('amends') ? 0 : this.lostBefore(attachment.attachId);
    this.give(event);
  }

  private lostBefore(attachId: number): number {
    const missing = this.missing[attachId] ?? 0;
    if (missing <= 0) return 0;
    this.missing[attachId] = 0;
    return missing;
  }
}
