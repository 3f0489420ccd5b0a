/** What goldens cannot show: tags in metadata, packets without a link header, and where tcpdump is left on purpose. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ethertypeName } from '../../../src/dissect/names.js';
import type { PacketInput } from '../../../src/dissect/packet.js';
import { SequenceTracker } from '../../../src/dissect/sequences.js';
import { summarize } from '../../../src/dissect/summary.js';
import { FIXTURES, fixture, inputOf, splitOutput } from './corpus.js';

const HEADER_LEN = 14;

function without(bytes: Uint8Array, at: number, count: number): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + count)]);
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function of(bytes: readonly number[] | Uint8Array, rest: Partial<PacketInput> = {}): PacketInput {
  const { length } = bytes;
  return { bytes: Uint8Array.from(bytes), offset: 0, capLen: length, len: length, linkType: 'raw', ...rest };
}

/** An IPv4 header with a total length. */
function ipv4(protocol: number, totalLen: number, payload: readonly number[]): number[] {
  const header = [0x45, 0, totalLen >> 8, totalLen & 255, 0, 1, 0, 0, 64, protocol, 0, 0];
  return [...header, 10, 0, 0, 1, 10, 0, 0, 2, ...payload];
}

describe('a VLAN tag in metadata', () => {
  for (const { suffix, linkHeader } of [
    { suffix: '', linkHeader: false },
    { suffix: '.e', linkHeader: true },
  ]) {
    it(`reads as tcpdump prints it from a file, where it is in the bytes${linkHeader ? ', with -e' : ''}`, () => {
      const printed = splitOutput(readFileSync(join(FIXTURES, `vlan${suffix}.txt`), 'latin1'));
      let compared = 0;
      for (const [i, packet] of fixture('vlan').entries()) {
        const inBand = summarize(inputOf(packet), { linkHeader });
        if (packet.capLen < HEADER_LEN + 4 || inBand !== printed[i]) continue;
        const bytes = without(packet.bytes, 12, 4);
        const vlan = { protocol: u16(packet.bytes, 12), tci: u16(packet.bytes, 14) };
        const input = of(bytes, { linkType: 'ethernet', len: packet.len - 4, vlan });
        assert.equal(summarize(input, { linkHeader }), printed[i], `packet ${i + 1}`);
        compared++;
      }
      assert.ok(compared >= 25, `compared ${compared}`);
    });
  }
});

describe('a packet without a link header', () => {
  it('reads as from Ethernet where the protocol is given', () => {
    let compared = 0;
    for (const name of ['veth', 'arp', 'ipv6', 'tunnels']) {
      for (const packet of fixture(name)) {
        const protocol = packet.capLen < HEADER_LEN ? 0 : u16(packet.bytes, 12);
        if (ethertypeName(protocol) === undefined) continue;
        const rest = { offset: HEADER_LEN, capLen: packet.capLen - HEADER_LEN, len: packet.len - HEADER_LEN };
        const raw = summarize({ bytes: packet.bytes, ...rest, linkType: 'raw', protocol });
        assert.equal(raw, summarize(inputOf(packet)));
        compared++;
      }
    }
    assert.ok(compared > 300, `compared ${compared}`);
  });

  it('with -e says the ethertype and the tags, for want of addresses', () => {
    const datagram = ipv4(17, 28, [0, 1, 0, 2, 0, 8, 0, 0]);
    const tagged = of(datagram, { protocol: 0x0800, vlan: { tci: 10, protocol: 0x8100 } });
    const udp = '10.0.0.1.1 > 10.0.0.2.2: UDP, length 0';
    const options = { linkHeader: true };
    assert.equal(
      summarize(tagged, options),
      `ethertype 802.1Q (0x8100), length 28: vlan 10, p 0, ethertype IPv4 (0x0800), ${udp}`,
    );
    assert.equal(
      summarize(of(datagram, { protocol: 0x0800 }), options),
      `ethertype IPv4 (0x0800), length 28: ${udp}`,
    );
    assert.equal(summarize(of(datagram), options), `ip: ${udp}`);
    const inBand = of([0, 10, 8, 0, ...datagram], { protocol: 0x8100 });
    assert.equal(
      summarize(inBand, options),
      `ethertype 802.1Q (0x8100), length 32: vlan 10, p 0, ethertype IPv4 (0x0800), ${udp}`,
    );
  });

  it('of an unknown protocol says the number', () => {
    assert.equal(summarize(of([1, 2, 3], { protocol: 0x88b5 })), 'ethertype Unknown (0x88b5), length 3');
  });
});

describe('data of unknown layout', () => {
  const datagram = ipv4(17, 28, [0, 1, 0, 2, 0, 8, 0, 0]);

  it('is read where it begins with the header that the kernel names', () => {
    const input = of(datagram, { linkType: 'unknown', protocol: 0x0800 });
    assert.equal(summarize(input), 'IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0');
  });

  it('is not guessed at otherwise', () => {
    assert.equal(summarize(of(datagram, { linkType: 'unknown' })), 'unknown link layer, length 28');
    const other = of(datagram, { linkType: 'unknown', protocol: 0x86dd });
    assert.equal(summarize(other), 'unknown link layer, protocol IPv6 (0x86dd), length 28');
  });
});

describe('where tcpdump is left on purpose', () => {
  it('application payloads are not decoded', () => {
    for (const port of [53, 67, 123, 443, 514, 4789, 6081]) {
      const udp = [0x9c, 0x40, port >> 8, port & 255, 0, 20, 0, 0, ...new Array<number>(12).fill(1)];
      const text = summarize(of(ipv4(17, 40, udp)));
      assert.equal(text, `IP 10.0.0.1.40000 > 10.0.0.2.${port}: UDP, length 12`);
    }
  });

  it('the length of a packet too long for the field is that of the packet', () => {
    const tcp = [0, 1, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0x50, 0x10, 1, 0, 0, 0, 0, 0];
    const big = of(ipv4(6, 0, tcp), { len: 100_040 });
    assert.equal(
      summarize(big),
      'IP 10.0.0.1.1 > 10.0.0.2.2: Flags [.], seq 5:100005, ack 0, win 256, length 100000',
    );
    const bigIpv6 = of(
      [
        0x60,
        0,
        0,
        0,
        0,
        0,
        6,
        64,
        ...new Array<number>(15).fill(0),
        1,
        ...new Array<number>(15).fill(0),
        2,
        ...tcp,
      ],
      { len: 100_060 },
    );
    assert.equal(
      summarize(bigIpv6),
      'IP6 ::1.1 > ::2.2: Flags [.], seq 5:100005, ack 0, win 256, length 100000',
    );
  });

  it('without a memory sequence numbers are those of the header', () => {
    const [first, second] = fixture('raw').slice(1, 3).map(inputOf);
    assert.match(summarize(first!), /seq 1000:1003,/);
    assert.match(summarize(second!), /seq 1003:1004,/);
    const sequences = new SequenceTracker();
    assert.match(summarize(first!, { sequences }), /seq 1000:1003,/);
    assert.match(summarize(second!, { sequences }), /seq 3:4,/);
  });
});
