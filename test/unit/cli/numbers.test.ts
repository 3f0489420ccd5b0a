import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ringSize, seconds, snaplen, wholeNumber } from '../../../src/cli/numbers.js';
import { tapRecordBytes } from '../../../src/decode/layout.generated.js';
import { UsageError } from '../../../src/errors.js';

/** Runs what has to end as one clear line that names the option and what was said. */
function refused(option: string, value: string, run: () => unknown): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.ok(error.message.startsWith(`${option} ${value}: wants `), error.message);
    return true;
  });
}

test('whole numbers between bounds', () => {
  assert.equal(wholeNumber('--count', '1', 1, 10), 1);
  assert.equal(wholeNumber('--count', '010', 1, 10), 10);
  for (const text of ['0', '11', '-1', '1.5', '1e1', '0x5', '', ' 5', 'five', '99999999999999999999'])
    refused('--count', text, () => wholeNumber('--count', text, 1, 10));
});

test('snaplen: 0 is the whole packet', () => {
  assert.equal(snaplen('0'), 262144);
  assert.equal(snaplen('96'), 96);
  assert.equal(snaplen('262144'), 262144);
  for (const text of ['-1', '262145', 'all', '']) refused('--snaplen', text, () => snaplen(text));
});

test('seconds may have a fraction', () => {
  assert.equal(seconds('--duration', '1.5'), 1.5);
  assert.equal(seconds('--duration', '0.01'), 0.01);
  assert.equal(seconds('--duration', '1000000'), 1e6);
  for (const text of ['0', '-1', 'soon', '', '1s', '1e99', '1000001'])
    refused('--duration', text, () => seconds('--duration', text));
});

test('buffer sizes are KiB, or what is said', () => {
  const bytes = (text: string): number => ringSize(text, 96).bytes;
  assert.equal(bytes('8192'), 8 << 20);
  assert.equal(bytes('512K'), 512 << 10);
  assert.equal(bytes('16M'), 16 << 20);
  assert.equal(bytes('16MiB'), 16 << 20);
  assert.equal(bytes('1g'), 1 << 30);
  for (const text of ['0', '-4096', '2G', '1.5M', '4096 K', 'much', '', 'K'])
    refused('--buffer-size', text, () => ringSize(text, 96));
});

test('what is no power of two is rounded up, and that is said', () => {
  assert.deepEqual(ringSize('8192', 256).notes, []);
  const { bytes, notes } = ringSize('5000', 256);
  assert.equal(bytes, 8 << 20);
  assert.deepEqual(notes, ['--buffer-size 5000 is no power of two: rounded up to 8192 KiB']);
});

test('a ring too small for four of the largest records is raised, and that is said', () => {
  const { bytes, notes } = ringSize('4K', 262144);
  assert.equal(bytes, 2 << 20);
  assert.deepEqual(notes, ['--buffer-size 4K cannot hold four packets of this snaplen: raised to 2048 KiB']);
});

test('every ring is a power of two with room for four records of its snaplen', () => {
  const ringHeaderBytes = 8;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1 << 20 }), fc.integer({ min: 1, max: 262144 }), (kib, snap) => {
      const { bytes, notes } = ringSize(String(kib), snap);
      assert.equal(Math.log2(bytes) % 1, 0);
      assert.ok(bytes >= kib * 1024);
      assert.ok(bytes >= 4 * (snap + tapRecordBytes + ringHeaderBytes));
      assert.equal(notes.length > 0, bytes !== kib * 1024);
    }),
  );
});
