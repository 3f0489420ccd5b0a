/** Frames around packets: Ethernet II, 802.3 with LLC and SNAP, tags, labels, PPPoE. */
import { bigEndian, concatBytes } from '../bytes.js';
import { ETHERTYPE, ethernetFrame, type MacPair, withVlanTag } from '../frames.js';

export const macs: MacPair = { from: '02:00:00:00:00:0a', to: '02:00:00:00:00:0b' };
export const broadcast: MacPair = { from: '02:00:00:00:00:0a', to: 'ff:ff:ff:ff:ff:ff' };
export const multicast: MacPair = { from: '02:00:00:00:00:0c', to: '01:00:5e:00:00:01' };

/** The shortest payload of a frame on a wire. */
const PAYLOAD_MIN = 46;

export function padded(payload: Uint8Array, least = PAYLOAD_MIN): Uint8Array {
  return payload.length < least ? concatBytes([payload, new Uint8Array(least - payload.length)]) : payload;
}

/** An 802.3 frame: its type field is the length of what follows. */
export function lengthFrame(payload: Uint8Array, pair: MacPair = macs): Uint8Array {
  return ethernetFrame(pair, payload.length, padded(payload));
}

export const llc = (dsap: number, ssap: number, control: readonly number[], rest: Uint8Array): Uint8Array =>
  concatBytes([Uint8Array.of(dsap, ssap, ...control), rest]);

export const snap = (organisation: number, type: number, rest: Uint8Array): Uint8Array =>
  llc(0xaa, 0xaa, [3], concatBytes([bigEndian(organisation, 3), bigEndian(type, 2), rest]));

/** Labels, the outermost first; the last has the bottom-of-stack bit. */
export function mpls(labels: readonly number[], payload: Uint8Array): Uint8Array {
  const entries = labels.map((label, at) =>
    bigEndian(label * 4096 + (at === labels.length - 1 ? 0x100 : 0) + 64, 4),
  );
  return concatBytes([...entries, payload]);
}

export function pppoeSession(session: number, protocol: number, payload: Uint8Array): Uint8Array {
  const header = concatBytes([
    Uint8Array.of(0x11, 0),
    bigEndian(session, 2),
    bigEndian(payload.length + 2, 2),
  ]);
  return concatBytes([header, bigEndian(protocol, 2), payload]);
}

export function pppoeDiscovery(code: number): Uint8Array {
  return Uint8Array.of(0x11, code, 0, 0, 0, 4, 1, 1, 0, 0);
}

export function arp(operation: number, sender: string, target: string): Uint8Array {
  const address = (text: string): Uint8Array => Uint8Array.from(text.split('.').map(Number));
  return concatBytes([
    bigEndian(1, 2),
    bigEndian(ETHERTYPE.ipv4, 2),
    Uint8Array.of(6, 4),
    bigEndian(operation, 2),
    new Uint8Array(6).fill(2),
    address(sender),
    new Uint8Array(6),
    address(target),
  ]);
}

/** The frame with these tags in its bytes, the outermost first. */
export function tagged(
  frame: Uint8Array,
  tags: readonly (readonly [tpid: number, tci: number])[],
): Uint8Array {
  return tags.reduceRight((inner, [tpid, tci]) => withVlanTag(inner, tpid, tci), frame);
}
