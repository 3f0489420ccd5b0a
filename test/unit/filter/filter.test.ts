/** Filters over records: what lies beside the bytes, VLAN tags in metadata, and what is not a filter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapLink } from '../../../src/decode/layout.generated.js';
import { decodePacket, emptyPacket } from '../../../src/decode/packet.js';
import { UsageError } from '../../../src/errors.js';
import { type FilterMeaning, PacketFilter, type Verdict, verdict } from '../../../src/filter/filter.js';
import { ETHERTYPE, ethernetFrame, ipv4Udp, withVlanTag } from '../../support/frames.js';
import { type RecordContent, recordView } from '../support/records.js';

const pair = { from: '02:00:00:00:00:0a', to: '02:00:00:00:00:0b' };
const datagram = ipv4Udp({ src: '192.0.2.1', dst: '192.0.2.2', sport: 1000, dport: 53 }, new Uint8Array(50));
const udp = ethernetFrame(pair, ETHERTYPE.ipv4, datagram);
const inVlan10 = { vlanTci: 0x600a, vlanProtocol: ETHERTYPE.vlan };

/** Without rights, as unit tests run; what they bring is test/live/filter-meaning.test.ts. */
const unprivileged: FilterMeaning = 'fileVlan';

function match(
  expression: string,
  content: RecordContent,
  entryOfReceive = false,
  meaning = unprivileged,
): Verdict {
  const record = recordView({ ...content, fields: { linkType: 1, ...content.fields } });
  const packet = emptyPacket();
  decodePacket(record, packet, entryOfReceive);
  return new PacketFilter(expression, meaning).match(record, packet);
}

/** Each expression with the verdict that it has to give. */
function assertVerdicts(
  content: RecordContent,
  verdicts: Readonly<Record<string, boolean>>,
  meaning = unprivileged,
): void {
  for (const [expression, expected] of Object.entries(verdicts))
    assert.equal(match(expression, content, false, meaning), expected ? verdict.yes : verdict.no, expression);
}

test('a plain packet', () => {
  assertVerdicts(
    { data: udp },
    { 'udp port 53': true, tcp: false, 'not vlan': true, vlan: false, 'len = 92': true },
  );
});

test('a tag in metadata: "vlan" sees it, and what stands behind that word looks behind it', () => {
  assertVerdicts(
    { data: udp, has: ['vlan'], fields: inVlan10 },
    {
      ...{ vlan: true, 'vlan 10': true, 'vlan 11': false, 'not vlan': false, 'vlan and udp port 53': true },
      ...{
        'vlan and tcp': false,
        'vlan 10 and host 192.0.2.1': true,
        'vlan and vlan': false,
        ...{ 'vlan and ether src 02:00:00:00:00:0a': true, 'vlan and ether dst 02:00:00:00:00:0a': false },
      },
    },
  );
});

test('without that word, the bytes are those that a packet socket gets: without the tag', () => {
  assertVerdicts(
    { data: udp, has: ['vlan'], fields: inVlan10 },
    { 'udp port 53': true, ip: true, 'ether[12:2] = 0x800': true, 'len = 92': true, 'len = 96': false },
  );
});

test('as a file has it, the tag is in the bytes for every word', () => {
  assertVerdicts(
    { data: udp, has: ['vlan'], fields: inVlan10 },
    {
      ...{ ip: false, 'udp port 53': false, 'vlan and udp port 53': true, 'vlan 10 and ip': true },
      ...{ 'ether[12:2] = 0x8100': true, 'len = 96': true, 'not vlan': false, 'arp or vlan 10': true },
    },
    'file',
  );
  assertVerdicts({ data: udp }, { ip: true, 'len = 92': true, vlan: false }, 'file');
});

test('a second tag is in the bytes, behind the one in metadata', () => {
  const data = withVlanTag(udp, ETHERTYPE.vlan, 20);
  const fields = { vlanTci: 10, vlanProtocol: ETHERTYPE.qinq };
  assertVerdicts(
    { data, has: ['vlan'], fields },
    { 'vlan 10 and vlan 20': true, 'vlan 10 and vlan 20 and udp': true, 'vlan 20': false, ip: false },
  );
});

test('a tag that was taken out of the bytes counts like one in metadata', () => {
  const content = { data: withVlanTag(udp, ETHERTYPE.vlan, 10), fields: { protocol: ETHERTYPE.vlan } };
  assert.equal(match('vlan 10 and udp port 53', content, true), verdict.yes);
  assert.equal(match('udp port 53', content, true), verdict.yes);
  assert.equal(match('vlan 11', content, true), verdict.no);
});

test('direction and interface come from the record', () => {
  const out = { data: udp, fields: { packetType: 4, ifindex: 7 } };
  assertVerdicts(out, {
    outbound: true,
    inbound: false,
    'udp and outbound': true,
    'ifindex 7': true,
    'ifindex 8': false,
  });
  assertVerdicts({ data: udp, fields: { packetType: 0 } }, { outbound: false, inbound: true });
});

test('and so they do beside the word vlan', () => {
  const tagged = { data: udp, has: ['vlan'] as const, fields: { ...inVlan10, packetType: 4, ifindex: 7 } };
  assertVerdicts(tagged, {
    'vlan and outbound': true,
    'vlan and inbound': false,
    'vlan and ifindex 7': true,
  });
});

test('bytes that were not captured leave it undecided', () => {
  const cut = { data: udp.subarray(0, 30), fields: { len: udp.length } };
  assert.equal(match('udp', cut), verdict.yes);
  assert.equal(match('udp port 53', cut), verdict.undecided);
  assert.equal(
    match('vlan and udp port 53', { ...cut, has: ['vlan'], fields: { ...inVlan10, len: 92 } }),
    verdict.undecided,
  );
});

test('packets without a link header: decided where the filter needs none', () => {
  const raw = { data: datagram, fields: { link: tapLink.network, protocol: ETHERTYPE.ipv4 } };
  assert.equal(match('udp port 53', raw), verdict.yes);
  assert.equal(match('tcp', raw), verdict.no);
  assert.equal(match('ether host 02:00:00:00:00:0a', raw), verdict.undecided);
  assert.equal(match('udp', { data: datagram, fields: { linkType: 32 } }), verdict.undecided);
});

test('large packets with a tag', () => {
  const data = new Uint8Array(70_000).fill(0xff);
  data.set(udp);
  assert.equal(
    match('vlan 10 and ether[70003] = 0xff', { data, has: ['vlan'], fields: inVlan10 }),
    verdict.yes,
  );
});

test('a syntax error is told with its place', () => {
  for (const [expression, place] of [
    ['tcp prt 3', "'prt' (character 5)"],
    [')', "')' (character 1)"],
    ['ip and and tcp', "'and' (character 8)"],
    ['tcp[tcpflags] & (tcp-syn|tcp-ack != 0', "'!=' (character 34)"],
    ['vlan and (tcp port 80 or udp prt 5) and ip', "'prt' (character 30)"],
    ['tcp[13 & 2', 'its end'],
    ['port 80 or', 'its end'],
  ] as const) {
    const message = `filter '${expression}': can't parse filter expression: syntax error at ${place}`;
    assert.throws(() => new PacketFilter(expression), { message });
  }
});

test('a long expression with a mistake is no reason to wait', () => {
  const hosts = Array.from({ length: 2000 }, (_, index) => `host 10.0.${index >> 8}.${index & 255}`).join(
    ' or ',
  );
  assert.throws(() => new PacketFilter(`prt 3 and (${hosts})`), /syntax error/);
});

test("what is no filter is a usage error in libpcap's words", () => {
  for (const [expression, told] of [
    ['tcp prot 80', /syntax error/],
    ['host', /syntax error/],
    ['port http-but-not-quite', /unknown port/],
    ['ip and (', /syntax error/],
    ['ip6 host 300.1.2.3', /300/],
  ] as const) {
    const refused = (error: unknown): boolean => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.exitCode, 2);
      assert.ok(error.message.startsWith(`filter '${expression}': `), error.message);
      assert.match(error.message, told);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    };
    assert.throws(() => new PacketFilter(expression), refused);
  }
});
