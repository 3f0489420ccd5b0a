/**
 * One event as an NDJSON line, written straight into bytes. A key whose value is not known is absent.
 */

import type { RecordView } from '../decode/record.js';
import type { RuleHit } from '../netfilter/rule-trace.js';
import type { HookPosition } from '../netfilter/types.js';
import { positionJson } from '../netfilter/words.js';
import type { Names, TapEvent } from '../trace/event.js';
import { notesOf } from '../trace/notes.js';
import { deliveryOf, familyName, verdictName } from '../trace/verdicts.js';
import type { ByteWriter } from './byte-writer.js';
import { isFullSocket } from './delivery-text.js';
import { writePacketFacts } from './packet-json.js';

const contexts = [',"context":"process"}', ',"context":"softirq"}'] as const;

/** What is known of an event because its packet is followed. */
export interface EventOfJourney {
  readonly packet: number;
  readonly branch?: number;
  /** Why the event is counted to this packet, where addresses and content do not prove it. */
  readonly guess?: string | undefined;
  /** What nft told of the chains that were ahead of it. */
  readonly rules?: readonly RuleHit[] | undefined;
}

export class EventJson {
  /** What every event of an attachment has in common, by attachId. */
  private readonly attachments: string[] = [];
  /** What `place` wrote last for an attachment. */
  private readonly lastPlaces: { inum: number; ifindex: number; armed: number; text: string }[] = [];
  private readonly hooks = new WeakMap<HookPosition, string>();
  private lastNotes: readonly string[] | undefined;
  private lastNotesJson = '';

  constructor(
    private readonly names: Names,
    private readonly out: ByteWriter,
  ) {}

  /** Writes the line with its newline. */
  write(event: TapEvent, journey?: EventOfJourney): void {
    this.object(event, journey);
    this.out.ascii('\n');
  }

  /** Writes the event alone; keys in the contract's order. */
  object(event: TapEvent, journey?: EventOfJourney): void {
    const { record, packet } = event;
    const { out } = this;
    const clock = this.names.clock.read(record.timeHigh, record.timeLow);
    out.ascii('{"type":"event","seq":');
    out.decimal(event.seq);
    out.ascii(',"time":"');
    out.ascii(clock.isoSecond());
    out.padded(clock.nanos, 9);
    out.ascii('Z","tsNs":"');
    out.decimal64(record.timeHigh, record.timeLow);
    out.ascii(this.attachment(event));
    out.decimal(record.cpu);
    this.place(event);
    if (journey) this.journey(journey);
    this.identity(event);
    this.number(',"len":', packet.len);
    this.number(',"capLen":', packet.capLen);
    if (!record.isKeyOnly) writePacketFacts(out, packet);
    this.hook(event);
    this.metadata(event);
    this.outcome(event);
    this.task(event);
    if (event.late) out.ascii(',"late":true');
    this.notes(event);
    if (record.has('stack') && this.names.showsStacks)
      out.text(`,"stack":${JSON.stringify(this.names.stack(record.stackId))}`);
    out.ascii('}');
  }

  private journey({ packet, branch, guess, rules }: EventOfJourney): void {
    this.number(',"packet":', packet);
    if (branch !== undefined) this.number(',"branch":', branch);
    if (guess !== undefined) {
      this.out.ascii(',"guess":');
      this.out.json(guess);
    }
    if (rules) this.out.text(`,"rules":${JSON.stringify(rules)}`);
  }

  private number(key: string, value: number): void {
    this.out.ascii(key);
    this.out.decimal(value);
  }

  private attachment({ attachment, stage }: TapEvent): string {
    let text = this.attachments[attachment.attachId];
    if (text === undefined) {
      const { mechanism, observed, function: name } = attachment;
      const all = { stage: stage.id, function: name, mechanism, observed, direction: stage.direction };
      text = `",${JSON.stringify(all).slice(1, -1)},"cpu":`;
      this.attachments[attachment.attachId] = text;
    }
    return text;
  }

  /** Where it was: the same text for every packet of a device at a stage while nobody opens or closes a tap. */
  private place({ record, stage, attachment }: TapEvent): void {
    const armed = stage.group !== 'taps' ? 0 : record.has('armed') ? (record.is('armed') ? 1 : 2) : 3;
    const inum = record.has('netns') ? record.netnsInum : 0;
    const ifindex = record.has('ifindex') ? record.ifindex : 0;
    const last = this.lastPlaces[attachment.attachId];
    if (last?.inum === inum && last.ifindex === ifindex && last.armed === armed) {
      this.out.text(last.text);
      return;
    }
    const text = this.placeText(record, armed);
    // An unknown name may be known for the next packet.
    if (ifindex === 0 || this.names.deviceName(inum, ifindex) !== undefined)
      this.lastPlaces[attachment.attachId] = { inum, ifindex, armed, text };
    this.out.text(text);
  }

  private placeText(record: RecordView, armed: number): string {
    let text = '';
    if (record.has('netns')) text += `,"netns":${record.netnsInum}`;
    if (record.has('netnsCookie')) text += `,"netnsCookie":"${record.netnsCookie}"`;
    if (record.has('ifindex')) {
      const name = this.names.deviceName(record.netnsInum, record.ifindex);
      text += `,"ifindex":${record.ifindex}${name === undefined ? '' : `,"ifname":${JSON.stringify(name)}`}`;
    }
    return text + ['', ',"armed":true', ',"armed":false', ',"armed":"unknown"'][armed];
  }

  private identity({ record }: TapEvent): void {
    const { out } = this;
    if (record.has('skb')) {
      out.ascii(',"skb":"');
      out.hex64(record.skbHigh, record.skbLow);
      out.ascii('"');
    }
    if (record.has('head')) {
      out.ascii(',"head":"');
      out.hex64(record.headHigh, record.headLow);
      out.ascii('"');
    }
  }

  /** Which netfilter hook; where links of ours stand between its chains, also between which of them. */
  private hook({ record, stage, hook }: TapEvent): void {
    const { out, names } = this;
    if (record.has('ifindexOut')) {
      const name = names.deviceName(record.netnsInum, record.ifindexOut);
      this.number(',"ifindexOut":', record.ifindexOut);
      if (name !== undefined) out.text(`,"ifnameOut":${JSON.stringify(name)}`);
    }
    if (!hook) {
      const name = stage.id.slice('nf-'.length);
      if (record.has('hook')) out.ascii(`,"hook":{"family":"${familyName(record)}","hook":"${name}"}`);
      return;
    }
    let text = this.hooks.get(hook);
    if (text === undefined) {
      text = `,"hook":${JSON.stringify(positionJson(hook))}`;
      this.hooks.set(hook, text);
    }
    out.text(text);
  }

  private metadata(event: TapEvent): void {
    const { out, names } = this;
    const { record } = event;
    const { vlan } = event.packet;
    if (vlan) out.ascii(`,"vlan":{"tci":${vlan.tci},"protocol":${vlan.protocol}}`);
    if (record.has('mark') && record.mark) this.number(',"mark":', record.mark);
    const verdict = verdictName(event);
    if (verdict !== undefined) out.ascii(`,"verdict":"${verdict}"`);
    if (record.has('reason')) out.text(`,"reason":${JSON.stringify(names.dropReason(record.reason))}`);
    if (record.has('location')) out.text(`,"location":${JSON.stringify(names.symbol(record.location))}`);
    const death = event.stage.id === 'drop' ? names.death(record) : undefined;
    if (death) out.text(`,"diedIn":${JSON.stringify(death)}`);
    if (record.has('socketCookie')) out.ascii(`,"socketCookie":"${record.socketCookie}"`);
    if (record.has('socketInode')) out.ascii(`,"socketInode":"${record.socketInode}"`);
    if (record.has('uid')) this.number(',"uid":', record.uid);
  }

  /** What became of the packet at a socket. */
  private outcome(event: TapEvent): void {
    const { record, stage } = event;
    const { out } = this;
    if (record.is('amends')) out.ascii(',"amends":true');
    const isFull = isFullSocket(event, this.names);
    if (stage.id !== 'delivery' && !isFull) return;
    const holders = this.names.socketHolders?.(record.socketInode) ?? [];
    if (holders.length > 0) out.text(`,"holders":${JSON.stringify(holders)}`);
    const { result, takenBytes } = isFull ? { result: 'full' } : deliveryOf(event);
    if (result) out.ascii(`,"result":"${result}"`);
    if (takenBytes !== undefined) this.number(',"takenBytes":', takenBytes);
  }

  private task({ record }: TapEvent): void {
    if (!record.has('task')) return;
    this.number(',"task":{"pid":', record.pid);
    this.out.ascii(',"comm":');
    this.out.json(this.names.comm(record));
    this.out.ascii(record.has('context') ? contexts[record.context as 0 | 1] : '}');
  }

  private notes(event: TapEvent): void {
    const notes = notesOf(event);
    if (notes.length === 0) return;
    if (notes !== this.lastNotes) {
      this.lastNotes = notes;
      this.lastNotesJson = `,"notes":${JSON.stringify(notes)}`;
    }
    this.out.ascii(this.lastNotesJson);
  }
}
