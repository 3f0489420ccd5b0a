/** What one step of a journey says about its packet: the fields that explanations compare, taken out of the record once. */
import type { DecodedPacket } from '../decode/packet.js';
import type { RecordView } from '../decode/record.js';
import { type Dissected, dissect, type LinkType } from '../dissect/packet.js';
import { Headers } from '../journey/headers.js';
import type { Step } from '../journey/step.js';
import type { Death } from '../stages/death.js';
import type { Names, TapEvent } from '../trace/event.js';

const ARPHRD_LOOPBACK = 772;

export const checksumState = { none: 0, unnecessary: 1, complete: 2, partial: 3 } as const;
export const packetType = { host: 0, broadcast: 1, multicast: 2, otherHost: 3, outgoing: 4 } as const;

export interface Gso {
  readonly size: number;
  readonly segments: number;
}

export interface Task {
  readonly pid: number;
  readonly comm: string;
  /** Undefined where it is not known what the CPU was doing. */
  readonly inProcess: boolean | undefined;
}

export interface NetworkFacts {
  readonly src: string | undefined;
  readonly dst: string | undefined;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  readonly proto: string | undefined;
  /** TTL or hop limit. */
  readonly ttl: number | undefined;
  readonly dscp: number | undefined;
  readonly ecn: number | undefined;
  /** IP headers around the innermost one. */
  readonly tunnels: number;
  /** Bytes from the network header on. */
  readonly length: number;
  /** Bytes behind the transport header; undefined where that was not seen. */
  readonly payload: number | undefined;
  /** Tags between the link header and the network header; undefined where there is no link header to see. */
  readonly tagsInBytes: number | undefined;
}

export interface StepFacts {
  readonly step: Step;
  /** The lower 48 bits of kernel addresses, which tell them apart; undefined where the record has none. */
  readonly skb: number | undefined;
  readonly head: number | undefined;
  readonly cpu: number;
  /** As a packet socket counts, link header included where there is one. */
  readonly len: number;
  readonly netns: number | undefined;
  readonly ifindex: number | undefined;
  readonly onLoopback: boolean;
  /** Undefined where no network header was seen. The same object: the same headers in the same bytes. */
  readonly network: NetworkFacts | undefined;
  readonly vlan: { readonly tci: number; readonly protocol: number } | undefined;
  readonly mark: number | undefined;
  readonly hash: number | undefined;
  readonly checksum: number | undefined;
  readonly packetType: number | undefined;
  /** How the bytes lie in memory: undefined where it was not read. */
  readonly nonLinear: number | undefined;
  readonly fragments: number | undefined;
  /** `null`: no segmentation offload; undefined: not known. */
  readonly gso: Gso | null | undefined;
  readonly armed: boolean | undefined;
  readonly verdict: number | undefined;
  /** Of drops: the kernel's name of the reason. */
  readonly reason: string | undefined;
  /** Of ends: the kernel function that freed it, with its offset. */
  readonly location: string | undefined;
  /** Of drops: where on the path. */
  readonly death: Death | undefined;
  readonly task: Task | undefined;
}

const headers = new Headers();

const address = (high: number, low: number): number => (high & 0xffff) * 2 ** 32 + low;

/** A kernel address as events show it: the upper bits are all set (x86-64, arm64). */
export const addressText = (value: number): string => `0xffff${value.toString(16).padStart(12, '0')}`;

const ipv4Class = (bytes: Uint8Array, at: number): number => bytes[at + 1]!;
const ipv6Class = (bytes: Uint8Array, at: number): number => ((bytes[at]! & 15) << 4) | (bytes[at + 1]! >> 4);

function networkFacts(packet: DecodedPacket): NetworkFacts | undefined {
  const seen: Dissected = dissect(packet);
  const { networkOffset, payloadOffset, src, dst, sport, dport, proto } = seen;
  if (networkOffset === undefined) return undefined;
  const { bytes } = packet;
  const at = packet.offset + networkOffset;
  const version = networkOffset + 20 <= packet.capLen ? bytes[at]! >> 4 : 0;
  const isIp = proto !== 'arp' && proto !== 'rarp' && (version === 4 || version === 6) && src !== undefined;
  const trafficClass = isIp ? (version === 4 ? ipv4Class(bytes, at) : ipv6Class(bytes, at)) : undefined;
  const isUnderstood = headers.read(packet);
  return {
    src,
    dst,
    sport,
    dport,
    proto,
    ttl: isIp ? bytes[at + (version === 4 ? 8 : 7)] : undefined,
    dscp: trafficClass === undefined ? undefined : trafficClass >> 2,
    ecn: trafficClass === undefined ? undefined : trafficClass & 3,
    tunnels: isUnderstood ? headers.tunnels : 0,
    length: packet.len - networkOffset,
    payload: payloadOffset === undefined ? undefined : packet.len - payloadOffset,
    tagsInBytes:
      packet.linkType === 'ethernet' ? seen.vlans.length - (packet.vlan === undefined ? 0 : 1) : undefined,
  };
}

/** Headers that decide: of tunnelled packets the inner ones too. */
const headerBytes = 256;

interface Slot {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly count: number;
  readonly len: number;
  readonly tci: number | undefined;
  readonly tagProtocol: number | undefined;
  readonly protocol: number | undefined;
  readonly network: NetworkFacts | undefined;
}

function areEqual(slot: Slot, bytes: Uint8Array, offset: number): boolean {
  for (let at = 0; at < slot.count; at += 1)
    if (slot.bytes[slot.offset + at] !== bytes[offset + at]) return false;
  return true;
}

/**
 * Reads network facts, of most steps of a journey without looking: the same bytes give the same object. A packet shows
 * itself with and without its link header in turn, so one of each is kept.
 */
export class NetworkReader {
  private readonly slots = new Map<LinkType, Slot>();

  read(packet: DecodedPacket): NetworkFacts | undefined {
    const { linkType, len, protocol, vlan, bytes, offset } = packet;
    const count = Math.min(packet.capLen, headerBytes);
    const slot = this.slots.get(linkType);
    const isSame =
      slot?.len === len &&
      slot.count === count &&
      slot.protocol === protocol &&
      slot.tci === vlan?.tci &&
      slot.tagProtocol === vlan?.protocol &&
      areEqual(slot, bytes, offset);
    if (isSame) return slot.network;
    const network = networkFacts(packet);
    const tci = vlan?.tci;
    const tagProtocol = vlan?.protocol;
    this.slots.set(linkType, { bytes, offset, count, len, tci, tagProtocol, protocol, network });
    return network;
  }
}

function taskOf(record: RecordView, names: FactNames): Task | undefined {
  if (!record.has('task')) return undefined;
  const inProcess = record.has('context') ? record.context === 0 : undefined;
  return { pid: record.pid, comm: names.comm(record), inProcess };
}

function gsoOf(record: RecordView): Gso | null | undefined {
  if (record.has('gso')) return { size: record.gsoSize, segments: record.gsoSegs };
  return record.has('dataLayout') ? null : undefined;
}

export type FactNames = Pick<Names, 'comm' | 'dropReason' | 'symbol' | 'death'>;

/** `event` is the step, opened; `networks` the reader of this journey. */
export function factsOf(step: Step, event: TapEvent, names: FactNames, networks: NetworkReader): StepFacts {
  const { record, packet } = event;
  const hasLayout = record.has('dataLayout');
  return {
    step,
    skb: record.has('skb') ? address(record.skbHigh, record.skbLow) : undefined,
    head: record.has('head') ? address(record.headHigh, record.headLow) : undefined,
    cpu: record.cpu,
    len: packet.len,
    netns: record.has('netns') ? record.netnsInum : undefined,
    ifindex: record.has('ifindex') ? record.ifindex : undefined,
    onLoopback: record.has('linkType') && record.linkType === ARPHRD_LOOPBACK,
    network: networks.read(packet),
    vlan: packet.vlan && { tci: packet.vlan.tci, protocol: packet.vlan.protocol },
    mark: record.has('mark') ? record.mark : undefined,
    hash: record.has('hash') ? record.hash : undefined,
    checksum: record.has('checksum') ? record.ipSummed : undefined,
    packetType: record.has('packetType') ? record.packetType : undefined,
    nonLinear: hasLayout ? record.len - record.linearLen : undefined,
    fragments: hasLayout ? record.fragCount + (record.is('fragList') ? 256 : 0) : undefined,
    gso: gsoOf(record),
    armed: record.has('armed') ? record.is('armed') : undefined,
    verdict: record.has('verdict') ? record.verdict : undefined,
    reason: record.has('reason') ? names.dropReason(record.reason) : undefined,
    location: record.has('location') ? names.symbol(record.location) : undefined,
    death: step.stage.id === 'drop' ? names.death(record) : undefined,
    task: taskOf(record, names),
  };
}

/** The driver's answer comes when a virtual device has sent the packet on already: it stands beside the packet's way. */
export const isAside = ({ step }: StepFacts): boolean => step.stage.id === 'xmit-done';
