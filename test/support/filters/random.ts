/** Random expressions from a grammar of pcap-filter(7), and random frames: mutated ones of the corpus, for fast-check. */
import fc from 'fast-check';
import { type FilterAddon, type FilterUse, filterAddon } from '../../../src/filter/filter.js';
import { PCAP_LINKTYPE } from '../pcap.js';
import { corpusFrames } from './frames.js';

/** Written as in the language: text that never needs brackets around it. */
type Text = fc.Arbitrary<string>;

const oneOf = (...texts: readonly string[]): Text => fc.constantFrom(...texts);
const joined = (...parts: readonly Text[]): Text =>
  fc.tuple(...parts).map((words) => words.filter(Boolean).join(' '));

const octet = fc.nat(255);
const address4 = fc.oneof(
  oneOf('192.0.2.1', '198.51.100.7', '10.1.2.3', '127.0.0.1', '0.0.0.0', '255.255.255.255', '224.0.0.5'),
  fc.tuple(octet, octet, octet, octet).map((bytes) => bytes.join('.')),
);
const address6 = oneOf('2001:db8::1', '2001:db8:0:1::7', 'fe80::1', 'ff02::1', '::');
const macAddress = oneOf('02:00:00:00:00:0a', '02:00:00:00:00:0b', 'ff:ff:ff:ff:ff:ff', '01:80:c2:00:00:00');
const side = oneOf('', 'src', 'dst', 'src or dst', 'src and dst');
const port = fc.oneof(oneOf('53', '80', '443', '5353', '40000'), fc.nat(65535).map(String));

/** An IPv4 net without bits behind its mask. */
const net4 = fc.tuple(fc.nat(0xffffffff), fc.nat(32)).map(([address, bits]) => {
  const net = bits === 0 ? 0 : (address & (-1 << (32 - bits))) >>> 0;
  return `${[24, 16, 8, 0].map((shift) => (net >>> shift) & 255).join('.')}/${bits}`;
});

const number = fc.oneof(
  { weight: 3, arbitrary: fc.nat(64).map(String) },
  fc.nat(0xffff).map((value) => `0x${value.toString(16)}`),
  fc.nat(0xffffffff).map(String),
);
const accessible = oneOf('ether', 'ip', 'ip6', 'tcp', 'udp', 'icmp', 'icmp6', 'sctp', 'arp', 'igmp');
const size = oneOf('', ':1', ':2', ':4');
const operator = oneOf('+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>');

const { value } = fc.letrec<{ value: string; access: string; sum: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 3, arbitrary: number },
    { weight: 1, arbitrary: fc.constant('len') },
    { weight: 4, arbitrary: tie('access') },
    { weight: 2, arbitrary: tie('sum') },
  ),
  access: fc
    .tuple(accessible, fc.oneof({ weight: 3, arbitrary: fc.nat(80).map(String) }, tie('value')), size)
    .map(([protocol, index, bytes]) => `${protocol}[${index}${bytes}]`),
  sum: fc
    .tuple(tie('value'), operator, tie('value'))
    .map(([left, sign, right]) => `(${left} ${sign} ${right})`),
}));

const relation = joined(value, oneOf('=', '!=', '<', '>', '<=', '>='), value);

const family = oneOf('', 'ip', 'ip6', 'arp');
const transport = oneOf('', 'tcp', 'udp', 'sctp');
const byAddress = fc.oneof(
  joined(oneOf('', 'ip', 'arp', 'rarp'), side, fc.constant('host'), address4),
  joined(oneOf('', 'ip6'), side, fc.constant('host'), address6),
  joined(oneOf('', 'ip', 'arp'), side, fc.constant('net'), net4),
  joined(
    oneOf('', 'src', 'dst'),
    fc.constant('net 2001:db8::'),
    fc.nat(96).map((bits) => `/${Math.max(bits, 32)}`),
  ).map((text) => text.replace(' /', '/')),
  joined(fc.constant('ether'), oneOf('host', 'src', 'dst'), macAddress),
  oneOf('broadcast', 'multicast', 'ip broadcast', 'ip multicast', 'ip6 multicast'),
);
const byPort = fc.oneof(
  joined(transport, side, fc.constant('port'), port),
  joined(
    transport,
    side,
    fc.constant('portrange'),
    fc.tuple(port, port).map((pair) => pair.join('-')),
  ),
);
const byProtocol = fc.oneof(
  oneOf(
    'ip',
    'ip6',
    'arp',
    'rarp',
    'tcp',
    'udp',
    'icmp',
    'icmp6',
    'sctp',
    'igmp',
    'ah',
    'esp',
    'pim',
    'vrrp',
    'stp',
  ),
  oneOf('llc', 'iso', 'ipx', 'netbeui', 'atalk', 'aarp', 'decnet', 'pppoed', 'isis', 'clnp', 'esis'),
  joined(family, fc.constant('proto'), octet.map(String)).filter((text) => !text.startsWith('arp')),
  joined(
    fc.constant('ether proto'),
    fc.nat(0xffff).map((type) => `0x${type.toString(16)}`),
  ),
  joined(oneOf('ip', 'ip6'), fc.constant('protochain'), oneOf('6', '17', '44', '50', '51', '58', '59')),
);
const byLength = joined(oneOf('less', 'greater'), fc.nat(1600).map(String));
/** These move what stands behind them, so they come first in a conjunction more often than not. */
const byLayer = fc.oneof(
  oneOf('vlan', 'mpls', 'pppoes'),
  joined(fc.constant('vlan'), oneOf('0', '10', '20', '4095')),
  joined(fc.constant('mpls'), oneOf('0', '100', '200')),
  joined(fc.constant('pppoes'), oneOf('7', '255')),
);

const primitive = fc.oneof(
  { weight: 3, arbitrary: byAddress },
  { weight: 3, arbitrary: byPort },
  { weight: 3, arbitrary: byProtocol },
  { weight: 4, arbitrary: relation },
  { weight: 1, arbitrary: byLength },
  { weight: 2, arbitrary: byLayer },
);

const { whole } = fc.letrec<{ whole: string; group: string }>((tie) => ({
  whole: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    primitive,
    joined(tie('group'), oneOf('and', 'or', '&&', '||'), tie('group')),
    joined(fc.constant('not'), tie('group')),
  ),
  group: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    primitive,
    tie('whole').map((text) => `(${text})`),
  ),
}));

/** Expressions; libpcap refuses some of them (a protocol without such a header, "rejects all packets"). */
export const randomExpression: Text = whole;

// Jumbo frames only make copying slow.
const originals = corpusFrames()
  .map(({ bytes }) => bytes)
  .filter((bytes) => bytes.length < 1600);

const mutation = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      at: fc.nat(80),
      byte: fc.oneof(octet, fc.constantFrom(0, 4, 6, 17, 0x45, 0x60, 0x81, 0x88)),
    }),
  },
  fc.record({ at: fc.nat(1600), byte: octet }),
);

/** A frame of the corpus with some bytes changed, perhaps cut; or noise. */
export const randomFrame: fc.Arbitrary<Uint8Array> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(fc.nat(originals.length - 1), fc.array(mutation, { maxLength: 6 }), fc.option(fc.nat(100)))
      .map(([which, mutations, kept]) => {
        const bytes = Uint8Array.from(originals[which]!.subarray(0, kept ?? undefined));
        for (const { at, byte } of mutations) if (at < bytes.length) bytes[at] = byte;
        return bytes;
      }),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 120 }) },
);

/** What the tests that compare verdicts have in common: how many pairs of expression and frame, from which seed. */
export const RANDOM_PAIRS = 100_000;
export const RANDOM_SEED = 20260731;

/** Undefined where libpcap refuses the expression. */
export function compiledFor(
  expression: string,
  optimize: boolean,
  use: FilterUse,
): InstanceType<FilterAddon['Filter']> | undefined {
  const { Filter } = filterAddon();
  try {
    return new Filter(expression, PCAP_LINKTYPE.ethernet, optimize, use);
  } catch {
    return undefined;
  }
}
