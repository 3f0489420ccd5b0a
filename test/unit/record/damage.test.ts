/** Recordings that are cut, damaged, or none: one clear error, and what is whole is read. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { UsageError } from '../../../src/errors.js';
import { magic } from '../../../src/record/schema.js';
import { fixture, type Replayed, replayed } from './replaying.js';

const whole = readFileSync(fixture('taps.format1'));
const directory = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
const path = join(directory, 'r.taptrace');
after(() => rmSync(directory, { recursive: true }));

/** Where each chunk begins, and where the last one ends. */
function chunkStarts(file: Uint8Array): number[] {
  const starts = [magic.length];
  for (let at = magic.length; at < file.length; ) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = file[at]!;
      at += 1;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    at += length;
    starts.push(at);
  }
  return starts;
}

const starts = chunkStarts(whole);

function read(bytes: Uint8Array): Promise<Replayed> {
  writeFileSync(path, bytes);
  return replayed(path);
}

const flipped = (at: number, bit: number): Uint8Array => {
  const bytes = Uint8Array.from(whole);
  bytes[at]! ^= 1 << bit;
  return bytes;
};

describe('a recording', () => {
  let all: Replayed;
  before(async () => {
    all = await read(whole);
  });

  it('is whole, and ends at its last chunk', () => {
    assert.equal(starts.at(-1), whole.length);
    assert.ok(all.events.length >= 6);
    assert.equal(all.summary.broken, undefined);
  });

  it('cut at any byte is read up to the last whole chunk', async () => {
    for (let length = starts[1]!; length < whole.length; length += 1) {
      const { summary, events } = await read(whole.subarray(0, length));
      const lastWhole = starts.findLast((start) => start <= length)!;
      assert.deepEqual(summary.broken, { how: 'cut', offset: lastWhole }, `cut at ${length}`);
      assert.deepEqual(events, all.events.slice(0, events.length), `cut at ${length}`);
    }
  });

  it('cut inside its header is refused', async () => {
    for (let length = 0; length < starts[1]!; length += 1)
      await assert.rejects(read(whole.subarray(0, length)), UsageError, `cut at ${length}`);
  });

  it('with any byte of its header damaged is refused', async () => {
    for (let at = 0; at < starts[1]!; at += 1)
      await assert.rejects(read(flipped(at, at % 8)), UsageError, `byte ${at}`);
  });

  it('with any other byte damaged is read as far as it can be, and says so where it can know', async () => {
    let noticed = 0;
    for (let at = starts[1]!; at < whole.length; at += 3) {
      const { summary, events } = await read(flipped(at, at % 8));
      if (summary.broken) noticed += 1;
      assert.ok(events.length <= all.events.length, `byte ${at}`);
    }
    assert.ok(noticed > 50, `${noticed}`);
  });

  it('of random bytes behind a good header ends where it is no recording', async () => {
    let state = 1;
    const random = Uint8Array.from({ length: 5000 }, () => {
      state = (state * 48271) % 0x7fffffff;
      return state & 0xff;
    });
    const { summary } = await read(Buffer.concat([whole.subarray(0, starts[1]), random]));
    assert.ok(summary.broken);
  });
});

describe('what is no recording', () => {
  it('is named', async () => {
    for (const [bytes, reason] of [
      ['', /it is empty/],
      ['0a0d0d0a1c000000', /it is a pcapng file/],
      ['d4c3b2a102000400', /it is a pcap file/],
      ['1f8b0800', /compressed by gzip/],
      ['00010203040506070809', /is no recording of taptrace$/],
    ] as const)
      await assert.rejects(read(Buffer.from(bytes, 'hex')), { name: 'UsageError', message: reason });
  });

  it('may be a directory, or nothing', async () => {
    await assert.rejects(replayed(directory), { name: 'UsageError', message: /it is a directory/ });
    await assert.rejects(replayed(join(directory, 'none')), { name: 'UsageError', message: /ENOENT/ });
  });
});
