/** One event as an NDJSON line. A key whose value is not known is absent. */
import { dissect } from '../dissect/packet.js';
import { summarize } from '../dissect/summary.js';
import type { Names, TapEvent } from '../trace/event.js';
import { notesOf } from '../trace/notes.js';
import { printable } from './printable.js';
import { rfc3339 } from './time.js';

export type EventJson = Record<string, unknown>;

const contexts = ['process', 'softirq'];

function identity(event: TapEvent): EventJson {
  const { record } = event;
  const json: EventJson = {};
  if (record.has('skb')) json.skb = record.skb;
  if (record.has('head')) json.head = record.head;
  return json;
}

function place(event: TapEvent, names: Names): EventJson {
  const { record, stage } = event;
  const json: EventJson = {};
  if (record.has('netns')) json.netns = record.netnsInum;
  if (record.has('netnsCookie')) json.netnsCookie = record.netnsCookie;
  if (record.has('ifindex')) {
    json.ifindex = record.ifindex;
    const name = names.device(record.netnsInum, record.ifindex);
    if (name !== undefined) json.ifname = printable(name);
  }
  if (stage.group === 'taps') json.armed = record.has('armed') ? record.is('armed') : 'unknown';
  return json;
}

function metadata(event: TapEvent, names: Names): EventJson {
  const { record, packet } = event;
  const json: EventJson = {};
  if (packet.vlan) json.vlan = { ...packet.vlan };
  if (record.has('mark') && record.mark) json.mark = record.mark;
  if (record.has('reason')) json.reason = names.dropReason(record.reason);
  if (record.has('location')) json.location = names.symbol(record.location);
  if (record.has('socketCookie')) json.socketCookie = record.socketCookie;
  if (record.has('socketInode')) json.socketInode = record.socketInode;
  if (record.has('uid')) json.uid = record.uid;
  if (record.has('task')) {
    json.task = {
      pid: record.pid,
      comm: names.comm(record),
      ...(record.has('context') && { context: contexts[record.context] }),
    };
  }
  return json;
}

function packetFacts(event: TapEvent): EventJson {
  const { packet } = event;
  const facts = dissect(packet);
  const { src, dst, sport, dport, proto, linkSrc, linkDst } = facts;
  return {
    linkType: packet.linkType,
    data: Buffer.from(packet.bytes.buffer, packet.bytes.byteOffset + packet.offset, packet.capLen).toString(
      'hex',
    ),
    summary: printable(summarize(packet, { absoluteSequence: true })),
    ...(linkSrc !== undefined && { linkSrc }),
    ...(linkDst !== undefined && { linkDst }),
    ...(src !== undefined && { src }),
    ...(dst !== undefined && { dst }),
    ...(sport !== undefined && { sport }),
    ...(dport !== undefined && { dport }),
    ...(proto !== undefined && { proto }),
  };
}

/** The event as a JSON value, keys in the contract's order. */
export function eventJson(event: TapEvent, names: Names): EventJson {
  const { record, packet, attachment, stage } = event;
  const timeNs = record.timeNs;
  const notes = notesOf(event);
  return {
    type: 'event',
    seq: event.seq,
    time: rfc3339(timeNs + names.wallOffsetNs),
    tsNs: String(timeNs),
    stage: stage.id,
    function: attachment.function,
    mechanism: attachment.mechanism,
    observed: attachment.observed,
    direction: stage.direction,
    cpu: record.cpu,
    ...place(event, names),
    ...identity(event),
    len: packet.len,
    capLen: packet.capLen,
    ...packetFacts(event),
    ...metadata(event, names),
    ...(event.late && { late: true }),
    ...(notes.length > 0 && { notes }),
    ...(record.has('stack') && { stack: names.stack(record.stackId) }),
  };
}
