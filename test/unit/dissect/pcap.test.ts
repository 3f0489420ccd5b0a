/** The pcap reader of the tests: both byte orders, both resolutions, and files that are none. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { PcapFormatError, readPcap, writePcap } from '../../support/pcap.js';
import { fixture, fixturePath } from './corpus.js';

/** A file with one packet of three bytes. */
function file(magic: number, littleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(43));
  const words = [magic, 0, 0, 0, 65535, 101, 1700000000, 123456, 3, 60];
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word, littleEndian);
  for (const i of [0, 1, 2]) view.setUint8(40 + i, 0xa0 + i);
  return new Uint8Array(view.buffer);
}

describe('readPcap', () => {
  it('reads both byte orders and both resolutions', () => {
    for (const littleEndian of [true, false]) {
      for (const [magic, tsNs] of [
        [0xa1b2c3d4, 1700000000123456000n],
        [0xa1b23c4d, 1700000000000123456n],
      ] as const) {
        const [packet, ...rest] = readPcap(file(magic, littleEndian));
        assert.deepEqual(rest, []);
        assert.deepEqual(
          { ...packet, bytes: [...packet!.bytes] },
          {
            tsNs,
            capLen: 3,
            len: 60,
            bytes: [0xa0, 0xa1, 0xa2],
            linkType: 101,
          },
        );
      }
    }
  });

  it('refuses what is no pcap file or is cut off', () => {
    const whole = file(0xa1b2c3d4, true);
    assert.throws(() => [...readPcap(whole.subarray(0, 20))], PcapFormatError);
    assert.throws(() => [...readPcap(file(0x0a0d0d0a, true))], /unknown magic/);
    assert.throws(() => [...readPcap(whole.subarray(0, 30))], /record header/);
    assert.throws(() => [...readPcap(whole.subarray(0, 42))], /packet data/);
    assert.deepEqual([...readPcap(whole.subarray(0, 24))], []);
  });

  it('reads back what writePcap wrote', () => {
    const packets = fixture('veth');
    const again = [...readPcap(writePcap(1, packets))];
    const facts = ({ capLen, len, bytes }: (typeof packets)[number]) => ({
      capLen,
      len,
      bytes: Buffer.from(bytes),
    });
    assert.deepEqual(again.map(facts), packets.map(facts));
  });

  it('sees the times that tcpdump sees', (t) => {
    const run = spawnSync('tcpdump', ['-nn', '-tt', '-r', fixturePath('veth')], { encoding: 'latin1' });
    if (run.error) return t.skip('tcpdump is not installed');
    const printed = [...run.stdout.matchAll(/^(\d+\.\d{6}) /gm)].map((match) => match[1]);
    const read = [...readPcap(readFileSync(fixturePath('veth')))].map(({ tsNs }) => {
      const us = `${tsNs / 1000n}`;
      return `${us.slice(0, -6)}.${us.slice(-6)}`;
    });
    assert.deepEqual(read, printed);
  });
});
