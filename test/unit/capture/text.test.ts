/** Lines of capture files against the tcpdump that is installed: their text, their times, and which ones a filter takes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import type { TextOptions } from '../../../src/render/packet-text.js';
import { readPcap } from '../../support/pcap.js';
import { assertSame, fixtureNames, fixturePath, splitOutput } from '../dissect/corpus.js';
import { captured, pcap, scratch } from './captures.js';

const at = scratch();
const dissectedBy = '4.99.3';

function tcpdump(...args: string[]): string {
  const { stdout, status, stderr } = spawnSync('tcpdump', ['-nn', ...args], { encoding: 'latin1' });
  assert.equal(status, 0, stderr);
  return stdout;
}

const isThere = (spawnSync('tcpdump', ['--version'], { encoding: 'utf8' }).stdout ?? '').includes(
  dissectedBy,
);
const skip = isThere ? false : `the goldens are those of tcpdump ${dissectedBy}`;

const ethernet = (name: string): Buffer[] =>
  [...readPcap(readFileSync(fixturePath(name)))].map(({ bytes }) => Buffer.from(bytes));

/** The same packets behind another link header: its bytes are made of the ethertype. */
const linkHeaders: Readonly<
  Record<string, { linkType: number; isLittle?: boolean; header: (type: number) => number[] }>
> = {
  'Linux cooked': {
    linkType: 113,
    header: (type) => [0, 4, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, type >> 8, type & 255],
  },
  'Linux cooked v2': {
    linkType: 276,
    header: (type) => [type >> 8, type & 255, 0, 0, 0, 0, 0, 1, 0, 1, 4, 6, 1, 2, 3, 4, 5, 6, 0, 0],
  },
  'BSD loopback, little endian': { linkType: 0, header: (type) => [type === 0x800 ? 2 : 30, 0, 0, 0] },
  'BSD loopback, big endian': {
    linkType: 0,
    isLittle: false,
    header: (type) => [0, 0, 0, type === 0x800 ? 2 : 24],
  },
  'OpenBSD loopback': { linkType: 108, header: (type) => [0, 0, 0, type === 0x800 ? 2 : 24] },
  'raw 12': { linkType: 12, header: () => [] },
  'raw 101': { linkType: 101, header: () => [] },
};

/** IP packets of the fixtures, that every one of these can carry. */
function behind(
  header: (type: number) => number[],
  names = ['tcp', 'icmp6', 'ipv4'],
): { seconds: number; ticks: number; bytes: Buffer }[] {
  return names.flatMap(ethernet).flatMap((frame, seconds) => {
    const type = frame.length > 14 ? frame.readUInt16BE(12) : 0;
    if (type !== 0x800 && type !== 0x86dd) return [];
    return [{ seconds, ticks: 5, bytes: Buffer.concat([Buffer.from(header(type)), frame.subarray(14)]) }];
  });
}

describe('lines of capture files are what tcpdump prints', { skip }, () => {
  for (const [flags, text] of [
    [['-t'], {}],
    [['-t', '-e'], { linkHeader: true }],
    [['-t', '-v'], { verbose: 1 }],
  ] as const satisfies [string[], Partial<TextOptions>][])
    it(`of every fixture, ${flags.join(' ')}`, async () => {
      for (const name of fixtureNames()) {
        const { packets } = await captured(fixturePath(name), {}, text);
        const printed = splitOutput(tcpdump(...flags, '-r', fixturePath(name)));
        assert.equal(packets.length, printed.length, name);
        for (const [index, { text: line }] of packets.entries())
          assertSame(line, printed[index]!, `${name} packet ${index + 1}`);
      }
    });

  for (const [what, { linkType, isLittle = true, header }] of Object.entries(linkHeaders))
    it(`behind ${what}`, async () => {
      const file = at('linked.pcap');
      writeFileSync(file, pcap({ linkType, isLittle }, behind(header)));
      const { packets, notices } = await captured(file);
      // Of v2 tcpdump prints device and direction, which it looks up on the machine that reads.
      const printed = splitOutput(tcpdump('-t', '-r', file).replace(/^lo +Out /gm, ''));
      assert.ok(packets.length > 50);
      assert.equal(packets.length, printed.length);
      for (const [index, { text }] of packets.entries())
        assertSame(text.replace(/^if1 /, ''), printed[index]!, `packet ${index + 1}`);
      assert.deepEqual(notices, []);
      if (linkType === 113 || linkType === 276)
        assert.ok(packets.every(({ shown }) => shown.direction === 'out'));
    });

  it('of times', async () => {
    process.env.TZ = 'Asia/Kolkata';
    for (const [flag, timeFormat] of [
      ['', 0],
      ['-tt', 2],
      ['-ttt', 3],
      ['-tttt', 4],
      ['-ttttt', 5],
    ] as const) {
      const { packets } = await captured(fixturePath('arp'), {}, { timeFormat });
      const times = (lines: string[]): string[] => lines.map((line) => line.split(/ARP|Reverse|Unknown/)[0]!);
      const printed = tcpdump(...(flag ? [flag] : []), '-r', fixturePath('arp'))
        .trimEnd()
        .split('\n');
      assert.deepEqual(
        times(packets.map(({ text }) => text)),
        times(printed.filter((l) => !l.startsWith('\t'))),
        flag,
      );
    }
  });

  for (const flag of ['-x', '-xx', '-X', '-XX'])
    it(`of bytes behind a link header, ${flag}`, async () => {
      const { linkType, header } = linkHeaders['Linux cooked']!;
      const file = at('dumped.pcap');
      writeFileSync(file, pcap({ linkType }, behind(header, ['veth'])));
      const text = flag.includes('X') ? { hexAscii: flag.length - 1 } : { hex: flag.length - 1 };
      const { packets } = await captured(file, {}, text);
      const dump = (lines: string): string[] => lines.match(/^\t0x.*/gm) ?? [];
      const printed = dump(tcpdump('-t', flag, '-r', file));
      assert.ok(printed.length > 100);
      assert.deepEqual(dump(packets.map(({ text: lines }) => lines).join('\n')), printed);
    });
});

describe('a filter takes what tcpdump -r takes', { skip }, () => {
  const files: Record<string, string> = { ethernet: fixturePath('tcp'), tagged: fixturePath('vlan') };
  before(() => {
    for (const [what, { linkType, isLittle = true, header }] of Object.entries(linkHeaders)) {
      files[what] = at(`${linkType}.${what}.pcap`);
      writeFileSync(files[what], pcap({ linkType, isLittle }, behind(header)));
    }
  });

  for (const expression of ['tcp', 'ip6', 'host 10.0.0.1', 'tcp[13] & 2 != 0', 'greater 80', 'not ip'])
    it(expression, async () => {
      for (const [what, file] of Object.entries(files)) {
        const { packets, summary } = await captured(file, { filter: expression });
        const wanted = tcpdump('-tt', '-r', file, expression).match(/^\d+\.\d{6} /gm) ?? [];
        const ours = packets.map(({ time }) => `${time!.slice(0, -3)} `);
        assert.deepEqual(ours, wanted, what);
        assert.ok(summary.filteredOut > 0 || wanted.length > 0, what);
      }
    });

  it('which looks for a tag in the bytes', async () => {
    for (const expression of ['vlan', 'vlan 10', 'vlan and icmp']) {
      const { packets } = await captured(files.tagged!, { filter: expression });
      assert.equal(
        packets.length,
        tcpdump('-t', '-r', files.tagged!, expression).split(/\n(?!\t)/).length - 1,
      );
    }
  });
});
