/** Every format, byte order and resolution, against tshark, tcpdump and capinfos. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readPcap } from '../../support/pcap.js';
import { fixturePath } from '../dissect/corpus.js';
import { type Captured, captured, Pcapng, pcap, scratch } from './captures.js';

const at = scratch();

function output(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const names = ['frame.time_epoch', 'frame.len', 'frame.cap_len', 'frame.interface_id'];

/** What tshark reads of each packet. */
function tsharkRows(file: string): string[] {
  const text = output('tshark', '-r', file, '-T', 'fields', ...names.flatMap((name) => ['-e', name]));
  return text.split('\n').slice(0, -1);
}

/** The same of ours; where tshark has no interface it leaves the field empty. */
function rows({ packets, summary }: Captured, hasInterfaces: boolean): string[] {
  assert.equal(summary.broken, undefined);
  return packets.map(({ time, len, bytes, id }) =>
    [time, len, bytes.length / 2, hasInterfaces ? id : ''].join('\t'),
  );
}

const bytesOf = (name: string): string[] =>
  [...readPcap(readFileSync(fixturePath(name)))].map(({ bytes }) => Buffer.from(bytes).toString('hex'));

describe('files that editcap makes', () => {
  for (const format of ['pcap', 'nsecpcap', 'modpcap', 'pcapng'])
    it(`${format}: times, lengths and bytes are tshark's`, async () => {
      for (const name of ['tcp', 'raw', 'cut.s54']) {
        const file = at(`${name}.${format}`);
        // Times with nanoseconds, so that a lost digit shows.
        output('editcap', '-F', format, '-t', '0.123456789', fixturePath(name), file);
        const read = await captured(file);
        assert.deepEqual(rows(read, format === 'pcapng'), tsharkRows(file), name);
        assert.deepEqual(
          read.packets.map(({ bytes }) => bytes),
          bytesOf(name),
          name,
        );
      }
    });

  it('mergecap: several interfaces of several link types, in order of time', async () => {
    const file = at('merged.pcapng');
    output('mergecap', '-w', file, ...['raw', 'tcp', 'vlan'].map(fixturePath));
    const read = await captured(file);
    assert.deepEqual(rows(read, true), tsharkRows(file));
    assert.deepEqual([...new Set(read.packets.map(({ linkType }) => linkType))].sort(), [1, 101]);
    assert.match(output('capinfos', '-M', '-c', file), new RegExp(`: +${read.packets.length}$`, 'm'));
  });
});

const frame = (size: number): Buffer => Buffer.alloc(size, `frame of ${size} bytes `);

describe('classic pcap', () => {
  const packets = [
    { seconds: 1700000000, ticks: 1, bytes: frame(60) },
    { seconds: 0, ticks: 999_999, bytes: frame(61), len: 1500 },
    { seconds: 0xffff_ffff, ticks: 123_456, bytes: frame(0), len: 70 },
  ];
  for (const isLittle of [true, false])
    for (const [what, magic, extra] of [
      ['microseconds', 0xa1b2c3d4, 0],
      ['nanoseconds', 0xa1b23c4d, 0],
      ['the longer packet header', 0xa1b2cd34, 8],
    ] as const)
      it(`${isLittle ? 'little' : 'big'} endian, ${what}`, async () => {
        const file = at('x.pcap');
        writeFileSync(file, pcap({ isLittle, magic, extra }, packets));
        const read = await captured(file);
        const expected = [1, 999_999, 123_456].map((ticks, index) => {
          const nanos = what === 'nanoseconds' ? ticks : ticks * 1000;
          const { seconds, bytes, len = bytes.length } = packets[index]!;
          return [`${seconds}.${String(nanos).padStart(9, '0')}`, len, bytes.length, ''].join('\t');
        });
        assert.deepEqual(rows(read, false), expected);
        assert.deepEqual(rows(read, false).slice(0, 2), tsharkRows(file).slice(0, 2));
      });
});

describe('pcapng', () => {
  for (const isLittle of [true, false])
    it(`${isLittle ? 'little' : 'big'} endian: sections, resolutions, offsets, every kind of packet`, async () => {
      const ng = new Pcapng(isLittle);
      const other = new Pcapng(!isLittle);
      const s = 1_700_000_000n;
      const file = at(`all.${isLittle}.pcapng`);
      writeFileSync(
        file,
        Buffer.concat([
          ng.section([[4, 'made by a test']]),
          ng.interface(1, 64, [[2, 'eth0']]),
          ng.interface(1, 0, [
            [2, 'eth1'],
            [9, Buffer.of(9)],
            [11, '\0tcp'],
          ]),
          ng.interface(101, 0, [[9, Buffer.of(3)]]),
          ng.interface(1, 0, [[9, Buffer.of(0x80 | 10)]]),
          ng.interface(1, 0, [[14, { u64: s }]]),
          // Name resolution, secrets, custom blocks of both kinds, and one that nobody knows.
          ng.block(4, [{ u16: 0 }, { u16: 0 }]),
          ng.block(0xbad, [{ u32: 32473 }, frame(100)]),
          ng.block(0x40000bad, [{ u32: 32473 }, frame(4)]),
          ng.block(0x7abcdef0, [frame(8)]),
          ng.packet(0, s * 1_000_000n + 123_456n, frame(60)),
          ng.packet(1, s * 1_000_000_000n + 123_456_789n, frame(61), [], 1500),
          ng.packet(2, s * 1000n + 7n, frame(62)),
          ng.packet(3, s * 1024n + 512n, frame(63)),
          ng.packet(4, 5n, frame(64)),
          ng.oldPacket(1, 3, s * 1_000_000_000n, frame(65)),
          ng.simplePacket(frame(64), 100),
          ng.statistics(1, s * 1_000_000_000n, [[7, { u64: 12n }]]),
          other.section(),
          other.interface(1, 0, [[2, 'other']]),
          other.packet(0, s * 1_000_000n, frame(66), [
            [1, 'first'],
            [1, 'second'],
            [2, { u32: 2 }],
            [4, { u64: 5n }],
            [5, { u64: 2n ** 63n + 1n }],
          ]),
        ]),
      );
      const read = await captured(file);
      const mine = rows(read, true);
      // It shows custom blocks as records without an interface.
      const theirs = tsharkRows(file).filter((row) => !row.endsWith('\t'));
      // A simple packet has no time; tshark counts interfaces of each section anew.
      assert.deepEqual(mine.toSpliced(6, 2), theirs.toSpliced(6, 2));
      assert.equal(mine[6], '\t100\t64\t0');
      assert.equal(mine[7], '1700000000.000000000\t66\t66\t5');
      assert.deepEqual(
        read.interfaces.map(({ at: { name, filter } }) => [name, filter]),
        [
          ['eth0', undefined],
          ['eth1', 'tcp'],
          ...Array(3).fill([undefined, undefined]),
          ['other', undefined],
        ],
      );
      const { dropped } = read.summary;
      assert.deepEqual(
        [...dropped],
        [
          [1, 12],
          [5, 5],
        ],
      );
      const { captured: last, direction } = read.packets[7]!.shown;
      assert.deepEqual(
        [last.comment, last.flags, last.packetId, direction],
        ['first; second', 2, 2n ** 63n + 1n, 'out'],
      );
    });
});
