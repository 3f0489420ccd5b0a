/** Capture files that are cut, damaged, or none: what is whole is read, and errors are clear. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { UsageError } from '../../../src/errors.js';
import { fixturePath } from '../dissect/corpus.js';
import { type Captured, captured, Pcapng, pcap, scratch } from './captures.js';

const file = scratch()('damaged');
const frames = [60, 61, 1000].map((size) => Buffer.alloc(size, 'x'));
const ng = new Pcapng(false);

/** Each file with where its packets end; before the first of them is its header. */
function inPieces(pieces: readonly Buffer[]): { bytes: Buffer; ends: number[] } {
  const ends = pieces.map((_, index) =>
    pieces.slice(0, index + 1).reduce((sum, { length }) => sum + length, 0),
  );
  return { bytes: Buffer.concat(pieces), ends };
}

const header = pcap({}, []);
const files = {
  pcap: inPieces([
    header,
    ...frames.map((bytes) => pcap({}, [{ seconds: 1, ticks: 2, bytes }]).subarray(header.length)),
  ]),
  pcapng: inPieces([
    Buffer.concat([ng.section([[4, 'a test']]), ng.interface(1, 0, [[2, 'eth0']])]),
    ng.packet(0, 1n, frames[0]!, [[1, 'comment']]),
    ng.simplePacket(frames[1]!),
    Buffer.concat([ng.block(0xbad, [{ u32: 1 }, frames[0]!]), ng.oldPacket(0, 1, 2n, frames[2]!)]),
  ]),
};

function read(bytes: Uint8Array): Promise<Captured> {
  writeFileSync(file, bytes);
  return captured(file);
}

/** No more than an error that is told: anything else fails the test. */
async function readOrRefuse(bytes: Uint8Array): Promise<Captured | undefined> {
  try {
    return await read(bytes);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

const flipped = (bytes: Buffer, at: number, bit: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1 << bit;
  return copy;
};

/** Repeatable noise. */
function noise(length: number, seed: number): Buffer {
  let state = seed;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (state * 48271) % 0x7fffffff;
      return state & 0xff;
    }),
  );
}

for (const [format, { bytes, ends }] of Object.entries(files))
  describe(`a ${format} file`, () => {
    it('that is whole is read', async () => {
      const { packets, summary } = await read(bytes);
      assert.equal(packets.length, frames.length);
      assert.equal(summary.broken, undefined);
    });

    it('cut at any byte is read up to the last whole packet', async () => {
      for (let length = ends[0]! + 1; length < bytes.length; length += 1) {
        const { packets, summary } = await read(bytes.subarray(0, length));
        const whole = ends.filter((end) => end <= length);
        assert.equal(packets.length, whole.length - 1, `cut at ${length}`);
        if (whole.includes(length)) assert.equal(summary.broken, undefined, `cut at ${length}`);
        else if (format === 'pcap' || whole.length < 3)
          assert.deepEqual({ ...summary.broken }, { how: 'cut', offset: whole.at(-1), name: 'BrokenFile' });
        else if (summary.broken) assert.equal(summary.broken.how, 'cut');
      }
    });

    it('cut inside its header is refused, or has no packets', async () => {
      for (let length = 4; length < ends[0]!; length += 1)
        assert.equal(
          (await readOrRefuse(bytes.subarray(0, length)))?.packets.length ?? 0,
          0,
          `cut at ${length}`,
        );
    });

    it('with any bit flipped is read as far as it can be', async () => {
      let noticed = 0;
      for (let at = 4; at < ends[2]!; at += 1)
        for (const bit of [0, 4, 7].filter((one) => at < ends[1]! || one === at % 8)) {
          const one = await readOrRefuse(flipped(bytes, at, bit));
          if (!one || one.summary.broken) noticed += 1;
          assert.ok((one?.packets.length ?? 0) <= frames.length, `byte ${at}, bit ${bit}`);
        }
      assert.ok(noticed > 10, `${noticed}`);
    });

    it('of noise behind a good header ends where it is none', async () => {
      for (let seed = 1; seed <= 200; seed += 1) {
        const one = await read(Buffer.concat([bytes.subarray(0, ends[0]), noise(4000, seed)]));
        assert.ok(one.summary.broken, `seed ${seed}`);
      }
    });
  });

describe('what claims too much', () => {
  it('is damage, not memory', async () => {
    const huge = pcap({}, []).subarray(0, 24);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(0x7fff_ffff, 8);
    for (const bytes of [
      Buffer.concat([huge, record]),
      Buffer.concat([ng.section(), Buffer.from('00000006fffffffc', 'hex'), Buffer.alloc(100)]),
      Buffer.concat([ng.section(), Buffer.from('000000060000000a', 'hex'), Buffer.alloc(100)]),
      Buffer.concat([ng.section(), ng.packet(0, 1n, frames[0]!)]),
      Buffer.concat([
        ng.section(),
        ng.interface(1, 0, [[9, Buffer.of(0)]]),
        ng.packet(0, 2n ** 63n, frames[0]!),
      ]),
    ]) {
      const { summary, packets } = await read(bytes);
      assert.deepEqual([summary.broken?.how, packets.length], ['damaged', 0]);
    }
  });
});

describe('a filter', () => {
  it('that is none is refused before the first packet', async () => {
    await assert.rejects(captured(fixturePath('tcp'), { filter: 'tcp or or' }), {
      name: 'UsageError',
      message: /syntax error at/,
    });
  });

  it('that cannot be asked of a later link type leaves its packets undecided, and says so', async () => {
    const blocks = [ng.section(), ng.interface(1, 0), ng.interface(101, 0), ng.interface(253, 0)];
    const packets = [0, 1, 2].map((id) =>
      ng.packet(id, 1n, readFileSync(fixturePath('tcp')).subarray(40, 100)),
    );
    writeFileSync(file, Buffer.concat([...blocks, ...packets]));
    const { summary, notices } = await captured(file, { filter: 'ether host 1:2:3:4:5:6' });
    assert.equal(summary.undecided, 2);
    assert.equal(notices.length, 2);
    assert.match(notices[1]!, /^packets of link type 253 are left out: filter 'ether host/);
  });
});
