/** The end of a recording, read from its end. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ChunkReader } from '../../../src/record/chunk-reader.js';
import { readClosing } from '../../../src/record/closing.js';
import { IndexBuilder } from '../../../src/record/index-builder.js';
import { recordingInfo } from '../../../src/record/info.js';
import { InputFile } from '../../../src/record/input-file.js';
import { Recorder } from '../../../src/record/recorder.js';
import { v618 } from '../attach/kernels.js';
import { headerOf, summaryOf } from '../render/header.js';

import { batchBytes } from '../support/records.js';
import { fixture } from './replaying.js';

const directory = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
after(() => rmSync(directory, { recursive: true }));
const bootNs = 1_000_000_000n;
const batches = 20;

/** A recording of batches with two records each, one microsecond apart. */
function recorded(name: string): string {
  const path = join(directory, name);
  const recorder = new Recorder(path, { version: '0.0.0' });
  const header = headerOf('taps', v618);
  recorder.connect({
    losses: () => [],
    closed: () => assert.fail(),
    enough: () => assert.fail(),
    failed: (error) => assert.fail(error),
  });
  const source = {
    devices: header.devices,
    dropReason: () => '',
    symbol: () => '',
    stack: () => [],
    socketHolders: () => [],
  };
  recorder.begin({ header, clock: { bootNs, wallOffsetNs: 0n }, rings: 1, source });
  for (let batch = 0; batch < batches; batch += 1) {
    const times = [2 * batch, 2 * batch + 1];
    recorder.batch(
      0,
      batchBytes(
        times.map((time) => ({ fields: { sequence: time, timeNs: bootNs + BigInt(1000 * time + 1000) } })),
      ),
    );
    recorder.round(2000 * batch + 2000);
  }
  recorder.end(summaryOf({ events: 2 * batches }), [], { filtered: 0, undecided: 0, forgotten: 0 });
  return path;
}

/** Where chunks of a kind begin, found by reading everything. */
async function offsetsOf(path: string, kind: string): Promise<number[]> {
  const reader = new ChunkReader(InputFile.open(path).stream);
  await reader.begins();
  const offsets: number[] = [];
  for (let offset = reader.offset, chunk = await reader.next(); chunk; chunk = await reader.next()) {
    if (chunk.kind === kind) offsets.push(offset);
    offset = reader.offset;
  }
  return offsets;
}

test('the index says where every chunk of records and the summary begin, and what they hold', async () => {
  const path = recorded('indexed.taptrace');
  const { index, summary } = readClosing(path)!;
  const records = await offsetsOf(path, 'records');
  assert.equal(records.length, batches);
  assert.deepEqual(
    index.spans.map(({ offset }) => Number(offset)),
    records,
  );
  assert.deepEqual([Number(index.summaryOffset)], await offsetsOf(path, 'summary'));
  assert.deepEqual([Number(index.offset)], await offsetsOf(path, 'index'));
  assert.equal(summary.events, String(2 * batches));
  const { events, firstNs, lastNs } = index.spans[3]!;
  assert.deepEqual([events, firstNs, lastNs], ['2', String(bootNs + 7000n), String(bootNs + 8000n)]);
});

test('an index that does not fit its file is not believed', () => {
  const whole = readFileSync(recorded('whole.taptrace'));
  const path = join(directory, 'changed.taptrace');
  const isBelieved = (bytes: Uint8Array): boolean => {
    writeFileSync(path, bytes);
    return readClosing(path) !== undefined;
  };
  assert.ok(isBelieved(whole));
  const { offset, spans } = readClosing(path)!.index;
  for (let at = Number(offset); at < whole.length; at += 1) {
    const flipped = Uint8Array.from(whole);
    flipped[at]! ^= 1 << (at % 8);
    assert.ok(!isBelieved(flipped), `byte ${at}`);
    assert.ok(!isBelieved(whole.subarray(0, at)), `cut at ${at}`);
  }
  const middle = Number(spans[10]!.offset);
  const moved = Buffer.concat([whole.subarray(0, middle), Buffer.alloc(1), whole.subarray(middle)]);
  assert.ok(!isBelieved(moved));
  const replaced = Uint8Array.from(whole);
  replaced.fill(0, middle, middle + 8);
  assert.ok(!isBelieved(replaced));
});

test('without an index everything is read, and the same is told', async () => {
  const path = recorded('told.taptrace');
  const told = await recordingInfo(path);
  writeFileSync(path, readFileSync(path).subarray(0, Number(readClosing(path)!.index.offset)));
  assert.equal(readClosing(path), undefined);
  assert.deepEqual(await recordingInfo(path), told);
  assert.equal(told.events, 2 * batches);
  writeFileSync(path, readFileSync(path).subarray(0, -1));
  const { events, broken, summary } = await recordingInfo(path);
  assert.deepEqual([events, broken?.how, summary], [2 * batches, 'cut', undefined]);
});

test('a recording of the time before there was an index is told of as well', async () => {
  const { events, summary, broken } = await recordingInfo(fixture('taps.format1'));
  assert.deepEqual([events, summary?.reason, broken], [Number(summary?.events), 'count', undefined]);
});

test('however long a recording, its index has a bound, and spans hold all chunks', () => {
  const builder = new IndexBuilder();
  const chunks = 100_003;
  for (let chunk = 0; chunk < chunks; chunk += 1)
    builder.add({ offset: 100 * chunk, events: 3, firstNs: 10 * chunk, lastNs: 10 * chunk + 15 });
  const { spans } = builder.message(0n, 1, 2);
  assert.ok(spans.length > 256 && spans.length <= 1024, `${spans.length}`);
  const sum = spans.reduce((total, { events }) => total + Number(events), 0);
  assert.equal(sum, 3 * chunks);
  assert.equal(spans.at(-1)!.lastNs, String(10 * (chunks - 1) + 15));
  for (const [at, { offset, firstNs, lastNs }] of spans.entries()) {
    assert.equal(Number(firstNs), Number(offset) / 10);
    const next = spans[at + 1];
    if (next) assert.equal(Number(lastNs), Number(next.firstNs) + 5);
  }
});
