/** The bytes that messages of nft and events of ours have in common, as nf_tables copies them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PacketInput } from '../../../src/dissect/packet.js';
import { contentOfHeaders, contentOfPacket } from '../../../src/journey/rule-content.js';
import { ETHERTYPE, ethernetFrame, ipv4Udp, ipv6Udp } from '../../support/frames.js';

const pair = { from: '02:00:00:00:00:0a', to: '02:00:00:00:00:0b' };
const flow4 = { src: '10.0.0.1', dst: '10.0.0.2', sport: 1, dport: 2 };
const flow6 = { src: '2001:db8::1', dst: '2001:db8::2', sport: 1, dport: 2 };
const payload = new Uint8Array(100).fill(7);

const raw = (bytes: Uint8Array, protocol: number, capLen = bytes.length): PacketInput => ({
  ...{ bytes, offset: 0, capLen, len: bytes.length, linkType: 'raw', protocol },
});

/** What the kernel puts into a message: network header up to 40 bytes, 20 from the transport header on. */
const told = (packet: Uint8Array, headerBytes: number): string =>
  contentOfHeaders(packet.slice(0, Math.min(40, headerBytes)), packet.slice(headerBytes, headerBytes + 20));

describe('content of a packet', () => {
  it('is that of the message, with a link header before it or not', () => {
    const [four, six] = [ipv4Udp(flow4, payload), ipv6Udp(flow6, payload)];
    assert.equal(contentOfPacket(raw(four, ETHERTYPE.ipv4)), told(four, 20));
    assert.equal(contentOfPacket(raw(six, ETHERTYPE.ipv6)), told(six, 40));
    const frame = ethernetFrame(pair, ETHERTYPE.ipv4, four);
    const framed: PacketInput = { ...raw(frame, ETHERTYPE.ipv4), linkType: 'ethernet' };
    assert.equal(contentOfPacket(framed), told(four, 20));
  });

  it('of a short packet ends where it does', () => {
    const short = ipv4Udp(flow4, new Uint8Array(2));
    assert.equal(contentOfPacket(raw(short, ETHERTYPE.ipv4)), told(short, 20));
    assert.equal(told(short, 20).length, 30);
  });

  it('begins behind the options of IPv4', () => {
    const plain = ipv4Udp(flow4, payload);
    const packet = Uint8Array.from([0x47, ...plain.slice(1, 20), 1, 1, 1, 1, 1, 1, 1, 0, ...plain.slice(20)]);
    assert.equal(contentOfPacket(raw(packet, ETHERTYPE.ipv4)), told(packet, 28));
  });

  it('is the IPv6 header alone where others follow', () => {
    const packet = ipv6Udp(flow6, payload);
    packet[6] = 60;
    assert.equal(contentOfPacket(raw(packet, ETHERTYPE.ipv6)), told(packet, 40));
    assert.equal(told(packet, 40).length, 40);
  });

  it('is not known of anything else, or where bytes are missing', () => {
    const packet = ipv4Udp(flow4, payload);
    for (const capLen of [0, 19, 39])
      assert.equal(contentOfPacket(raw(packet, ETHERTYPE.ipv4, capLen)), undefined);
    assert.equal(contentOfPacket(raw(packet, ETHERTYPE.ipv4, 40)), told(packet, 20));
    assert.equal(contentOfPacket(raw(new Uint8Array(28), ETHERTYPE.arp)), undefined);
  });
});
