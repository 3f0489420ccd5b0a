/** What IP packets of the corpus carry: transport headers and others, each with a name. */
import { bigEndian, concatBytes } from '../bytes.js';
import { ipv4, ipv6, PROTOCOL } from './network.js';

export interface Carried {
  readonly name: string;
  readonly protocol: number;
  readonly bytes: Uint8Array;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const ports = (source: number, destination: number): Uint8Array =>
  concatBytes([bigEndian(source, 2), bigEndian(destination, 2)]);

export function udp(
  source: number,
  destination: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return concatBytes([
    ports(source, destination),
    bigEndian(8 + payload.length, 2),
    bigEndian(0, 2),
    payload,
  ]);
}

export interface TcpFields {
  readonly flags?: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
  readonly claimedOffset?: number;
  readonly window?: number;
}

export function tcp(source: number, destination: number, fields: TcpFields = {}): Uint8Array {
  const options = fields.options ?? new Uint8Array(0);
  const offset = fields.claimedOffset ?? 5 + options.length / 4;
  return concatBytes([
    ports(source, destination),
    bigEndian(0x01020304, 4),
    bigEndian(0x05060708, 4),
    Uint8Array.of(offset << 4, fields.flags ?? 0x10),
    bigEndian(fields.window ?? 64240, 2),
    bigEndian(0, 4),
    options,
    fields.payload ?? new Uint8Array(0),
  ]);
}

const icmp = (type: number, code: number, rest: Uint8Array): Uint8Array =>
  concatBytes([Uint8Array.of(type, code, 0, 0), rest]);

const FLAG = { fin: 1, syn: 2, rst: 4, push: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const;
const timestamps = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
const mss = Uint8Array.of(2, 4, 5, 180);

function tcpSegments(): Carried[] {
  const request = text('GET / HTTP/1.1\r\nHost: example\r\n\r\n');
  const of = (name: string, source: number, destination: number, fields: TcpFields = {}): Carried => ({
    name: `TCP ${name}`,
    protocol: PROTOCOL.tcp,
    bytes: tcp(source, destination, fields),
  });
  return [
    of('SYN', 40000, 80, { flags: FLAG.syn, options: concatBytes([mss, timestamps]) }),
    of('SYN+ACK', 80, 40000, { flags: FLAG.syn | FLAG.ack, options: mss }),
    of('GET', 40000, 80, { flags: FLAG.push | FLAG.ack, payload: request }),
    of('GET behind options', 40000, 80, { options: timestamps, payload: request }),
    of('GET behind 40 bytes of options', 40000, 80, {
      options: new Uint8Array(40).fill(1),
      payload: request,
    }),
    of('FIN', 443, 51000, { flags: FLAG.fin | FLAG.ack }),
    of('RST', 22, 60000, { flags: FLAG.rst }),
    of('all flags', 1, 65535, { flags: 0xff }),
    of('no flags', 6000, 6010, { flags: 0 }),
    of('ECN', 1023, 1024, { flags: FLAG.ece | FLAG.cwr | FLAG.syn }),
    of('too short an offset', 40000, 80, { claimedOffset: 2, payload: request }),
    of('too long an offset', 40000, 80, { claimedOffset: 15 }),
  ];
}

function datagrams(): Carried[] {
  const of = (name: string, source: number, destination: number, bytes = 0): Carried => ({
    name: `UDP ${name}`,
    protocol: PROTOCOL.udp,
    bytes: udp(source, destination, new Uint8Array(bytes).fill(0xa5)),
  });
  return [
    of('DNS', 5353, 53, 30),
    of('DHCP', 68, 67, 240),
    of('empty', 1, 2),
    of('from 0', 0, 9, 1),
    of('NTP', 123, 123, 48),
    of('VXLAN', 50000, 4789, 60),
    of('GENEVE', 50000, 6081, 60),
    of('QUIC', 50000, 443, 1200),
  ];
}

function messages(): Carried[] {
  const inner = ipv4(PROTOCOL.udp, udp(7, 9));
  const of = (name: string, protocol: number, bytes: Uint8Array): Carried => ({ name, protocol, bytes });
  const types4 = [0, 3, 4, 5, 8, 11, 12, 13, 14, 17, 42];
  const types6 = [1, 2, 3, 4, 128, 129, 130, 131, 133, 134, 135, 136, 137, 143];
  return [
    ...types4.map((type) => of(`ICMP ${type}`, PROTOCOL.icmp, icmp(type, type === 3 ? 4 : 0, inner))),
    ...types6.map((type) => of(`ICMPv6 ${type}`, PROTOCOL.icmp6, icmp(type, type === 1 ? 4 : 0, inner))),
    of('IGMP', PROTOCOL.igmp, icmp(0x22, 0, new Uint8Array(12))),
  ];
}

function others(): Carried[] {
  const of = (name: string, protocol: number, bytes: Uint8Array): Carried => ({ name, protocol, bytes });
  const sctp = concatBytes([ports(9, 36412), bigEndian(7, 4), bigEndian(0, 4), Uint8Array.of(1, 0, 0, 20)]);
  const ah = (next: number): Uint8Array => concatBytes([Uint8Array.of(next, 4), new Uint8Array(22).fill(9)]);
  const gre = (type: number): Uint8Array => concatBytes([bigEndian(0, 2), bigEndian(type, 2)]);
  const inner4 = ipv4(PROTOCOL.udp, udp(53, 5353, text('inner')), { src: '10.1.1.1', dst: '10.2.2.2' });
  const inner6 = ipv6(PROTOCOL.tcp, tcp(80, 8080));
  return [
    of('SCTP', PROTOCOL.sctp, sctp),
    of('ESP', PROTOCOL.esp, new Uint8Array(40).fill(0x5a)),
    of('AH, then TCP', PROTOCOL.ah, concatBytes([ah(PROTOCOL.tcp), tcp(40000, 80)])),
    of('AH, then ESP', PROTOCOL.ah, concatBytes([ah(PROTOCOL.esp), new Uint8Array(24)])),
    of('GRE, then IPv4', PROTOCOL.gre, concatBytes([gre(0x0800), inner4])),
    of('GRE, then IPv6', PROTOCOL.gre, concatBytes([gre(0x86dd), inner6])),
    of('IP in IP', PROTOCOL.ipip, inner4),
    of('IPv6 in IP', PROTOCOL.ipv6, inner6),
    of('OSPF', PROTOCOL.ospf, concatBytes([Uint8Array.of(2, 1, 0, 44), new Uint8Array(40)])),
    of('PIM', PROTOCOL.pim, Uint8Array.of(0x20, 0, 0, 0, 0, 1, 0, 2, 0, 105)),
    of('VRRP', PROTOCOL.vrrp, Uint8Array.of(0x21, 1, 100, 1, 0, 1, 0, 0, 192, 0, 2, 254)),
    of('EIGRP', 88, new Uint8Array(20).fill(2)),
    of('DCCP', 33, concatBytes([ports(5, 6), new Uint8Array(12)])),
    of('UDP-Lite', 136, udp(53, 53)),
    of('L2TP', 115, new Uint8Array(12)),
    of('an unknown protocol', 253, new Uint8Array(33).fill(0x41)),
    of('nothing', PROTOCOL.none, new Uint8Array(0)),
    of('TCP, cut in its ports', PROTOCOL.tcp, Uint8Array.of(0, 80, 1)),
    of('UDP, cut behind its ports', PROTOCOL.udp, ports(53, 53)),
  ];
}

export const carried: readonly Carried[] = [...tcpSegments(), ...datagrams(), ...messages(), ...others()];

/** One of them by its name. */
export function carriedBy(name: string): Carried {
  const found = carried.find((one) => one.name === name);
  if (!found) throw new Error(`nothing carried is called '${name}'`);
  return found;
}
