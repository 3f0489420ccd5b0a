/** Summaries against the tcpdump that is installed: every fixture with every variant, and damaged packets. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PCAP_LINKTYPE, type PcapPacket, readPcap, writePcap } from '../../support/pcap.js';
import {
  assertSame,
  FIXTURES,
  fixture,
  fixtureNames,
  fixturePath,
  splitOutput,
  summaries,
  VARIANTS,
} from './corpus.js';

const VERSION = '4.99.3';

/** Why the tests cannot run, or false. Other versions print some protocols in other words. */
function reasonToSkip(): string | false {
  const { stdout, error } = spawnSync('tcpdump', ['--version'], { encoding: 'utf8' });
  if (error) return 'tcpdump is not installed';
  const version = /tcpdump version (\S+)/.exec(stdout)?.[1];
  return version === VERSION ? false : `tcpdump is ${version}, the goldens are those of ${VERSION}`;
}

function tcpdump(path: string, flags: readonly string[]): string {
  const { stdout, status, stderr } = spawnSync('tcpdump', ['-nn', '-t', ...flags, '-r', path], {
    encoding: 'latin1',
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** A repeatable sequence of numbers below `n`. */
function randomSource(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Flips bits behind the addresses, writes numbers that mean something, cuts, and lies about the length. */
function damaged(
  packets: readonly PcapPacket[],
  count: number,
  seed: number,
): { bytes: Uint8Array; len: number }[] {
  const random = randomSource(seed);
  const telling = [0, 1, 2, 4, 6, 17, 43, 44, 51, 58, 60, 0x45, 0x60, 0xff];
  return Array.from({ length: count }, () => {
    const packet = packets[random(packets.length)]!;
    let bytes = Uint8Array.from(packet.bytes);
    for (let changes = random(4); changes > 0 && bytes.length > 12; changes--) {
      const at = 12 + random(Math.min(bytes.length - 12, 100));
      bytes[at] = random(2) === 0 ? bytes[at]! ^ (1 << random(8)) : telling[random(telling.length)]!;
    }
    if (random(3) === 0) bytes = bytes.subarray(0, 1 + random(bytes.length));
    const len = random(8) === 0 ? packet.len + random(40) - 20 : packet.len;
    return { bytes, len: Math.max(len, bytes.length) };
  });
}

describe('summaries are the text that the installed tcpdump prints', { skip: reasonToSkip() }, () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'taptrace-dissect-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const { flags, options } of Object.values(VARIANTS)) {
    it(`all fixtures ${flags.join(' ')}`, () => {
      for (const name of fixtureNames()) {
        const texts = summaries(fixture(name), options);
        const printed = splitOutput(tcpdump(fixturePath(name), flags));
        assert.equal(texts.length, printed.length, name);
        for (const [i, text] of texts.entries()) assertSame(text, printed[i]!, `${name} packet ${i + 1}`);
      }
    });
  }

  it('the goldens are what it prints', () => {
    for (const name of fixtureNames()) {
      for (const [suffix, { flags }] of Object.entries(VARIANTS)) {
        const golden = join(FIXTURES, `${name}${suffix}.txt`);
        if (!existsSync(golden)) continue;
        assert.equal(tcpdump(fixturePath(name), flags), readFileSync(golden, 'latin1'), golden);
      }
    }
  });

  for (const flags of [[], ['-v'], ['-e']] as const) {
    it(`damaged packets ${flags.join(' ')}`, () => {
      const names = [
        'arp',
        'icmp',
        'icmp6',
        'igmp',
        'ipv4',
        'ipv6',
        'sctp',
        'tcp',
        'tunnels',
        'veth',
        'vlan',
      ];
      const path = join(directory, 'damaged.pcap');
      writeFileSync(path, writePcap(PCAP_LINKTYPE.ethernet, damaged(names.flatMap(fixture), 4000, 7)));
      const packets = [...readPcap(readFileSync(path))];
      const { options } = Object.values(VARIANTS).find((variant) => variant.flags[0] === flags[0])!;
      const printed = splitOutput(tcpdump(path, flags));
      assert.equal(packets.length, printed.length);
      for (const [i, text] of summaries(packets, options).entries()) {
        assertSame(text, printed[i]!, `damaged packet ${i + 1}`);
      }
    });
  }
});
