/** The structured facts: by hand for what they promise, and against tshark for whole captures. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { type Dissected, dissect, type PacketInput } from '../../../src/dissect/packet.js';
import { fixture, fixtureNames, fixturePath, inputOf } from './corpus.js';

function of(hex: string, rest: Partial<PacketInput> = {}): PacketInput {
  const bytes = new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  return { bytes, offset: 0, capLen: bytes.length, len: bytes.length, linkType: 'raw', ...rest };
}

const MACS = '02000000000b 02000000000a';
const UDP4 = '45000020 00010000 40110000 0a000001 0a000002 04d20035 000c0000 61626364';

describe('dissect', () => {
  it('tells all of an Ethernet frame with a tag in metadata and one in the bytes', () => {
    const input = of(`${MACS} 8100 0014 0800 ${UDP4}`, {
      linkType: 'ethernet',
      vlan: { tci: 10, protocol: 0x88a8 },
    });
    assert.deepEqual(dissect(input), {
      linkSrc: '02:00:00:00:00:0a',
      linkDst: '02:00:00:00:00:0b',
      vlans: [
        { tci: 10, protocol: 0x88a8 },
        { tci: 20, protocol: 0x8100 },
      ],
      etherType: 0x0800,
      src: '10.0.0.1',
      dst: '10.0.0.2',
      proto: 'udp',
      sport: 1234,
      dport: 53,
      networkOffset: 18,
      transportOffset: 38,
      payloadOffset: 46,
    });
  });

  it('counts offsets from the start of the packet, wherever it lies', () => {
    const bytes = new Uint8Array(Buffer.from(`ffffff${UDP4.replaceAll(' ', '')}ff`, 'hex'));
    const facts = dissect({ bytes, offset: 3, capLen: 32, len: 32, linkType: 'raw' });
    assert.deepEqual([facts.networkOffset, facts.transportOffset, facts.payloadOffset], [0, 20, 28]);
  });

  it('leaves out what is not known', () => {
    assert.deepEqual(dissect(of('', { linkType: 'ethernet' })), { vlans: [] });
    assert.deepEqual(dissect(of('00112233', { linkType: 'unknown' })), { vlans: [] });
    assert.deepEqual(dissect(of('00112233', { linkType: 'unknown', protocol: 0x0800 })), {
      vlans: [],
      etherType: 0x0800,
    });
    const cut = dissect(of(UDP4, { capLen: 22 }));
    assert.deepEqual(
      [cut.proto, cut.sport, cut.transportOffset, cut.payloadOffset],
      ['udp', undefined, 20, undefined],
    );
    const laterFragment = dissect(of(UDP4.replace('00010000', '000100b9')));
    assert.deepEqual(
      [laterFragment.proto, laterFragment.sport, laterFragment.transportOffset],
      ['udp', undefined, undefined],
    );
  });

  it('names protocols', () => {
    const names = (name: string) => new Set(fixture(name).map((packet) => dissect(inputOf(packet)).proto));
    assert.deepEqual(names('sctp'), new Set(['sctp']));
    assert.deepEqual(names('igmp'), new Set(['igmp']));
    assert.deepEqual(names('icmp6'), new Set(['icmp6']));
    for (const proto of ['gre', 'esp', 'ah', 'ip-proto-4', 'ip-proto-41', 'ip-proto-108']) {
      assert.ok(names('tunnels').has(proto), proto);
    }
    for (const proto of ['llc', 'ethertype-0x88cc', 'ethertype-0x1234'])
      assert.ok(names('link').has(proto), proto);
    for (const proto of ['arp', 'rarp']) assert.ok(names('arp').has(proto), proto);
  });
});

const FIELDS = [
  'eth.src',
  'eth.dst',
  'vlan.id',
  'ip.src',
  'ip.dst',
  'ipv6.src',
  'ipv6.dst',
  'arp.src.proto_ipv4',
];
const PORT_FIELDS = [
  'tcp.srcport',
  'tcp.dstport',
  'udp.srcport',
  'udp.dstport',
  'sctp.srcport',
  'sctp.dstport',
];

/** One map of the first values of the fields a packet; empty text where the packet has none. */
function tshark(path: string): Map<string, string>[] | undefined {
  const fields = [...FIELDS, ...PORT_FIELDS];
  const run = spawnSync(
    'tshark',
    [
      ...['-n', '-r', path, '-T', 'fields', '-E', 'occurrence=f', '-E', 'separator=/t'],
      // Fragments as they are, not what they are part of.
      ...[
        '-o',
        'ip.defragment:FALSE',
        '-o',
        'ipv6.defragment:FALSE',
        '-o',
        'tcp.desegment_tcp_streams:FALSE',
      ],
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 },
  );
  if (run.error) return undefined;
  const lines = run.stdout.replace(/\n$/, '').split('\n');
  return lines.map((line) => new Map(line.split('\t').map((value, i) => [fields[i]!, value])));
}

/** The same facts as tshark's fields; ports only of the protocols that it was asked about. */
function factsAsFields(facts: Dissected): Map<string, string> {
  const fields = new Map<string, string>();
  fields.set('eth.src', facts.linkSrc ?? '');
  fields.set('eth.dst', facts.linkDst ?? '');
  // tshark has fields of another name for 802.1ad, and first values may come from a frame inside GRE.
  const tag = facts.vlans.find(({ protocol }) => protocol !== 0x88a8);
  if (facts.proto !== 'gre') fields.set('vlan.id', tag ? `${tag.tci & 0xfff}` : '');
  const family = facts.etherType === 0x86dd ? 'ipv6' : facts.etherType === 0x0800 ? 'ip' : undefined;
  if (family) {
    fields.set(`${family}.src`, facts.src ?? '');
    fields.set(`${family}.dst`, facts.dst ?? '');
  }
  if (facts.proto === 'arp') fields.set('arp.src.proto_ipv4', facts.src ?? '');
  // Of a header that is not whole tshark says no ports.
  if (['tcp', 'udp', 'sctp'].includes(facts.proto ?? '') && facts.payloadOffset !== undefined) {
    fields.set(`${facts.proto}.srcport`, `${facts.sport ?? ''}`);
    fields.set(`${facts.proto}.dstport`, `${facts.dport ?? ''}`);
  }
  return fields;
}

describe('dissect and tshark', () => {
  for (const name of ['veth', 'vlan', 'icmp', 'icmp6', 'igmp', 'sctp', 'tunnels', 'routing', 'raw', 'udp']) {
    it(`see the same in ${name}`, (t) => {
      assert.ok(fixtureNames().includes(name));
      const seen = tshark(fixturePath(name));
      if (seen === undefined) return t.skip('tshark is not installed');
      for (const [i, packet] of fixture(name).entries()) {
        const facts = dissect(inputOf(packet));
        // tcpdump takes this ethertype for a tag, tshark does not.
        if (facts.vlans.some(({ protocol }) => protocol === 0x9200)) continue;
        for (const [field, value] of factsAsFields(facts)) {
          assert.equal(value, seen[i]!.get(field), `${name} packet ${i + 1}: ${field}`);
        }
      }
    });
  }
});
