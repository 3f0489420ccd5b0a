/**
 * One event as an NDJSON line, written without an object in between. A key whose value is not known is
 * absent. Strings that could hold anything go through JSON.stringify; the others are ours and plain.
 */
import { dissect } from '../dissect/packet.js';
import { summarize } from '../dissect/summary.js';
import type { Names, TapEvent } from '../trace/event.js';
import { notesOf } from '../trace/notes.js';

const contexts = ['process', 'softirq'] as const;
const absolute = { absoluteSequence: true } as const;

const key = (name: string, value: string | number | undefined): string =>
  value === undefined ? '' : `,"${name}":"${value}"`;

/** A u64 in two words as decimal digits. */
function decimal(high: number, low: number): string {
  return high < 0x20_0000
    ? String(high * 0x1_0000_0000 + low)
    : ((BigInt(high) << 32n) | BigInt(low)).toString();
}

export class EventJson {
  /** What every event of an attachment has in common, by attachId. */
  private readonly attachments: string[] = [];
  private lastNotes: readonly string[] | undefined;
  private lastNotesJson = '';

  constructor(private readonly names: Names) {}

  /** The line without its newline; keys in the contract's order. */
  line(event: TapEvent): string {
    const { record, packet } = event;
    const clock = this.names.clock.read(record.timeHigh, record.timeLow);
    return (
      `{"type":"event","seq":${event.seq},"time":"${clock.rfc3339()}",` +
      `"tsNs":"${decimal(record.timeHigh, record.timeLow)}",${this.attachment(event)},"cpu":${record.cpu}` +
      `${this.place(event)}${this.identity(event)},"len":${packet.len},"capLen":${packet.capLen}` +
      `${this.packetFacts(event)}${this.metadata(event)}${this.task(event)}` +
      `${event.late ? ',"late":true' : ''}${this.notes(event)}${this.stack(event)}}`
    );
  }

  private attachment({ attachment, stage }: TapEvent): string {
    let text = this.attachments[attachment.attachId];
    if (text === undefined) {
      const { mechanism, observed } = attachment;
      const all = {
        stage: stage.id,
        function: attachment.function,
        mechanism,
        observed,
        direction: stage.direction,
      };
      text = JSON.stringify(all).slice(1, -1);
      this.attachments[attachment.attachId] = text;
    }
    return text;
  }

  private place({ record, stage }: TapEvent): string {
    let text = '';
    if (record.has('netns')) text += `,"netns":${record.netnsInum}`;
    if (record.has('netnsCookie')) text += `,"netnsCookie":"${record.netnsCookie}"`;
    if (record.has('ifindex')) {
      const name = this.names.deviceJson(record.netnsInum, record.ifindex);
      text += `,"ifindex":${record.ifindex}${name === undefined ? '' : `,"ifname":${name}`}`;
    }
    if (stage.group === 'taps') text += `,"armed":${record.has('armed') ? record.is('armed') : '"unknown"'}`;
    return text;
  }

  private identity({ record }: TapEvent): string {
    let text = '';
    if (record.has('skb')) text += `,"skb":"${record.skb}"`;
    if (record.has('head')) text += `,"head":"${record.head}"`;
    return text;
  }

  private packetFacts({ record, packet }: TapEvent): string {
    const facts = dissect(packet);
    const data = record.batch.buffer.toString('hex', packet.offset, packet.offset + packet.capLen);
    let text = `,"linkType":"${packet.linkType}","data":"${data}","summary":${JSON.stringify(summarize(packet, absolute))}`;
    text += key('linkSrc', facts.linkSrc) + key('linkDst', facts.linkDst);
    text += key('src', facts.src) + key('dst', facts.dst);
    if (facts.sport !== undefined) text += `,"sport":${facts.sport}`;
    if (facts.dport !== undefined) text += `,"dport":${facts.dport}`;
    return text + key('proto', facts.proto);
  }

  private metadata({ record, packet }: TapEvent): string {
    let text = '';
    const { vlan } = packet;
    if (vlan) text += `,"vlan":{"tci":${vlan.tci},"protocol":${vlan.protocol}}`;
    if (record.has('mark') && record.mark) text += `,"mark":${record.mark}`;
    if (record.has('reason')) text += `,"reason":${JSON.stringify(this.names.dropReason(record.reason))}`;
    if (record.has('location')) text += `,"location":${JSON.stringify(this.names.symbol(record.location))}`;
    if (record.has('socketCookie')) text += `,"socketCookie":"${record.socketCookie}"`;
    if (record.has('socketInode')) text += `,"socketInode":"${record.socketInode}"`;
    if (record.has('uid')) text += `,"uid":${record.uid}`;
    return text;
  }

  private task({ record }: TapEvent): string {
    if (!record.has('task')) return '';
    const context = record.has('context') ? `,"context":"${contexts[record.context as 0 | 1]}"` : '';
    return `,"task":{"pid":${record.pid},"comm":${this.names.commJson(record)}${context}}`;
  }

  private notes(event: TapEvent): string {
    const notes = notesOf(event);
    if (notes.length === 0) return '';
    if (notes !== this.lastNotes) {
      this.lastNotes = notes;
      this.lastNotesJson = `,"notes":${JSON.stringify(notes)}`;
    }
    return this.lastNotesJson;
  }

  private stack({ record }: TapEvent): string {
    return record.has('stack') ? `,"stack":${JSON.stringify(this.names.stack(record.stackId))}` : '';
  }
}
