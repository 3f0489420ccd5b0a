/**
 * What stays the same of a packet on its way: not its addresses and ports (NAT), not its TTL, mark, checksums or length
 * (segmentation), but what it carries and how its sender numbered it. Of tunnelled packets the innermost one counts.
 */
import { type Headers, ipProtocol } from './headers.js';

/** Two numbers; 0 stands for: not known. */
export interface Fingerprint {
  /** Of the sender's numbering. */
  numbers: number;
  /** Of the first bytes it carries. */
  payload: number;
}

/** Of the payload, how many bytes count. */
const payloadBytes = 24;

const mix = (hash: number, value: number): number => {
  const mixed = Math.imul(hash ^ (value & 0xffff), 0x01000193);
  return Math.imul(mixed ^ (value >>> 16), 0x01000193);
};

/** Of ICMP, whose type tells a request from its answer. */
const isIcmp = ({ protocol, payloadCaptured }: Headers): boolean =>
  payloadCaptured > 0 && (protocol === ipProtocol.icmp || protocol === ipProtocol.icmpv6);

function payloadHash({ bytes, payloadAt, payloadLen, payloadCaptured }: Headers): number {
  const wanted = Math.min(payloadBytes, payloadLen);
  if (payloadCaptured < wanted) return 0;
  let hash = 0x811c9dc5;
  for (let at = payloadAt; at < payloadAt + wanted; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash >>> 0 || 1;
}

function numbersHash(headers: Headers): number {
  let hash = mix(0x811c9dc5, headers.version === 0 ? headers.etherType : headers.protocol);
  hash = mix(hash, headers.id);
  hash = mix(hash, headers.fragmentOffset);
  if (headers.protocol === ipProtocol.tcp) hash = mix(mix(hash, headers.seq), headers.ack);
  else if (isIcmp(headers)) hash = mix(hash, headers.bytes[headers.transportAt]!);
  return hash >>> 0 || 1;
}

/** Fills `into` from headers that were read; `understood` is what Headers.read said. */
export function fingerprint(headers: Headers, understood: boolean, into: Fingerprint): void {
  into.numbers = understood ? numbersHash(headers) : 0;
  into.payload = understood ? payloadHash(headers) : 0;
}

/** Whether two can be the same packet: `unknown` where nothing was understood of one of them. */
export function compareFingerprints(a: Fingerprint, b: Fingerprint): 'same' | 'different' | 'unknown' {
  if (a.numbers === 0 || b.numbers === 0) return 'unknown';
  if (a.numbers !== b.numbers) return 'different';
  return a.payload === 0 || b.payload === 0 || a.payload === b.payload ? 'same' : 'different';
}
