/** Addresses and ports read in place, and what counts as rewritten. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Flow } from '../../../src/compare/flow.js';
import type { PacketInput } from '../../../src/dissect/packet.js';
import { toBytes } from '../../support/bytes.js';
import { ETHERTYPE, ethernetFrame, ipv4Udp, withVlanTag } from '../../support/frames.js';

const pair = { from: '02:00:00:00:00:0a', to: '02:00:00:00:00:0b' };
const udp = { src: '10.0.0.1', dst: '10.0.0.2', sport: 40000, dport: 80 };

function input(data: Uint8Array, linkType: PacketInput['linkType'], protocol?: number): PacketInput {
  // Behind other bytes, so that a forgotten offset shows.
  const bytes = new Uint8Array(data.length + 6);
  bytes.set(data, 6);
  return { bytes, offset: 6, capLen: data.length, len: data.length, linkType, ...(protocol && { protocol }) };
}

const raw = (changes: Partial<typeof udp> = {}): Flow =>
  new Flow().read(input(ipv4Udp({ ...udp, ...changes }, new Uint8Array(4)), 'raw', ETHERTYPE.ipv4));

const frame = ethernetFrame(pair, ETHERTYPE.ipv4, ipv4Udp(udp, new Uint8Array(4)));
/** UDP from 2001:db8::1 to 2001:db8::2, ports 1024 and 53. */
const six = toBytes(
  '6000000000081140' +
    '20010db8000000000000000000000001' +
    '20010db8000000000000000000000002' +
    '0400003500080000',
);

const ends = (flow: Flow): string[] => [flow.endText('source'), flow.endText('destination')];

const rewritten = (before: Flow, after: Flow): (readonly string[] | undefined)[] =>
  (['source', 'destination'] as const).map((end) => {
    const change = before.rewrittenTo(after, end);
    return change && [change.from, change.to];
  });

describe('a flow', () => {
  it('is the same behind a link header, with tags and without', () => {
    for (const data of [frame, withVlanTag(frame, ETHERTYPE.vlan, 10)]) {
      const flow = new Flow().read(input(data, 'ethernet'));
      assert.equal(flow.linkBytes, data.length - frame.length + 14);
      assert.deepEqual(ends(flow), ['10.0.0.1:40000', '10.0.0.2:80']);
      assert.ok(flow.isComparable(raw()));
      assert.deepEqual(rewritten(flow, raw()), [undefined, undefined]);
    }
  });

  it('is rewritten where an address or a port of one end changed: told with the port where that changed', () => {
    for (const [change, source, destination] of [
      [{ src: '10.0.0.3' }, ['10.0.0.1', '10.0.0.3'], undefined],
      [{ sport: 1 }, ['10.0.0.1:40000', '10.0.0.1:1'], undefined],
      [{ dst: '10.0.0.3' }, undefined, ['10.0.0.2', '10.0.0.3']],
      [{ dst: '10.0.0.3', dport: 8080 }, undefined, ['10.0.0.2:80', '10.0.0.3:8080']],
    ] as const)
      assert.deepEqual(rewritten(raw(), raw(change)), [source, destination]);
  });

  it('of IPv6 has its addresses in brackets', () => {
    const flow = new Flow().read(input(six, 'raw', ETHERTYPE.ipv6));
    assert.deepEqual(ends(flow), ['[2001:db8::1]:1024', '[2001:db8::2]:53']);
    assert.ok(!flow.isComparable(raw()));
  });

  it('is not compared with what it was put into', () => {
    const inner = ipv4Udp(udp, new Uint8Array(4));
    const outer = toBytes('450000000000000040040000c0000201c0000202');
    const tunnel = new Uint8Array([...outer, ...inner]);
    assert.ok(!raw().isComparable(new Flow().read(input(tunnel, 'raw', ETHERTYPE.ipv4))));
  });

  it('of a later fragment has no ports', () => {
    const data = ipv4Udp(udp, new Uint8Array(4));
    data[7] = 5;
    assert.equal(new Flow().read(input(data, 'raw', ETHERTYPE.ipv4)).endText('destination'), '10.0.0.2');
  });

  it('cut short anywhere reads nothing that is not there', () => {
    for (let length = 0; length <= frame.length; length += 1) {
      const packet = { ...input(frame, 'ethernet'), capLen: length };
      const flow = new Flow().read(packet);
      assert.equal(flow.version, length >= 34 ? 4 : 0, `${length} bytes`);
      if (length >= 34) assert.equal(flow.endText('source'), length >= 38 ? '10.0.0.1:40000' : '10.0.0.1');
    }
  });

  it('is not read from ARP', () => {
    assert.equal(new Flow().read(input(ethernetFrame(pair, ETHERTYPE.arp, six), 'ethernet')).version, 0);
  });
});
