/** IPv4 and IPv6 headers of every odd shape, for the corpus of filters. Checksums are left 0: no filter reads them. */
import { bigEndian, concatBytes } from '../bytes.js';
import { ipv6Address } from '../frames.js';

export const PROTOCOL = {
  hopByHop: 0,
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  ah: 51,
  icmp6: 58,
  none: 59,
  destination: 60,
  ospf: 89,
  pim: 103,
  vrrp: 112,
  sctp: 132,
} as const;

export interface Ipv4Fields {
  readonly src?: string;
  readonly dst?: string;
  readonly tos?: number;
  readonly ttl?: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options?: Uint8Array;
  /** In units of 8 bytes. */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  readonly dontFragment?: boolean;
  /** What the header claims instead of the truth. */
  readonly claimedIhl?: number;
  readonly claimedLength?: number;
  readonly claimedVersion?: number;
}

const octets = (address: string): number[] => address.split('.').map(Number);

export function ipv4(protocol: number, payload: Uint8Array, fields: Ipv4Fields = {}): Uint8Array {
  const options = fields.options ?? new Uint8Array(0);
  const words = fields.claimedIhl ?? 5 + options.length / 4;
  const length = fields.claimedLength ?? 20 + options.length + payload.length;
  const flags = (fields.dontFragment ? 0x4000 : 0) | (fields.moreFragments ? 0x2000 : 0);
  return concatBytes([
    Uint8Array.of(((fields.claimedVersion ?? 4) << 4) | words, fields.tos ?? 0),
    bigEndian(length, 2),
    bigEndian(0x1234, 2),
    bigEndian(flags | (fields.fragmentOffset ?? 0), 2),
    Uint8Array.of(fields.ttl ?? 64, protocol, 0, 0),
    Uint8Array.from([...octets(fields.src ?? '192.0.2.1'), ...octets(fields.dst ?? '198.51.100.7')]),
    options,
    payload,
  ]);
}

export interface Ipv6Fields {
  readonly src?: string;
  readonly dst?: string;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly hopLimit?: number;
  readonly claimedLength?: number;
}

export function ipv6(next: number, payload: Uint8Array, fields: Ipv6Fields = {}): Uint8Array {
  const first = 0x6000_0000 + ((fields.trafficClass ?? 0) << 20) + (fields.flowLabel ?? 0);
  return concatBytes([
    bigEndian(first, 4),
    bigEndian(fields.claimedLength ?? payload.length, 2),
    Uint8Array.of(next, fields.hopLimit ?? 64),
    ipv6Address(fields.src ?? '2001:db8::1'),
    ipv6Address(fields.dst ?? '2001:db8:0:1::7'),
    payload,
  ]);
}

/** An extension header in front of the next one, and of what follows it. */
export interface Extension {
  readonly kind: number;
  readonly bytes: number;
  /** In units of 8 bytes; of fragment headers only. */
  readonly fragmentOffset?: number;
  /** The length that it claims instead of the truth. */
  readonly claimedUnits?: number;
}

/** The extension headers, each naming the next; the last names `protocol`. Returns the first one's number too. */
export function extended(
  extensions: readonly Extension[],
  protocol: number,
  payload: Uint8Array,
): { next: number; payload: Uint8Array } {
  return extensions.reduceRight(
    ({ next, payload: behind }, extension) => {
      const header = new Uint8Array(extension.bytes);
      header[0] = next;
      // RFC 8200: in units of 8 bytes without the first; of AH in units of 4 without two.
      const units = extension.kind === PROTOCOL.ah ? extension.bytes / 4 - 2 : extension.bytes / 8 - 1;
      header[1] = extension.claimedUnits ?? units;
      if (extension.kind === PROTOCOL.fragment)
        header.set(bigEndian((extension.fragmentOffset ?? 0) << 3, 2), 2);
      return { next: extension.kind, payload: concatBytes([header, behind]) };
    },
    { next: protocol, payload },
  );
}
