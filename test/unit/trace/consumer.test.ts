/** The consumer over rings that are arrays: what it reads when, and that nothing is lost or put out of order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RecordView } from '../../../src/decode/record.js';
import { drainEnd, type NativeSession } from '../../../src/native/binding.js';
import { Consumer } from '../../../src/trace/consumer.js';
import { binding } from '../support/machine.js';
import { recordBytes } from '../support/records.js';

const second = 1_000_000_000n;

/** Rings of records, and a clock that stands still. */
class Rings {
  nowNs = 100n * second;
  readonly records: Uint8Array[][];
  /** A ring whose next record is reserved and not yet committed. */
  busy: number | undefined;
  polls = 0;
  reads = 0;
  drainedBytes = 0;
  wake: () => void = () => undefined;

  constructor(count: number) {
    this.records = Array.from({ length: count }, () => []);
  }

  add(ring: number, timeNs: bigint, payload = 0): void {
    this.records[ring]!.push(recordBytes({ fields: { timeNs }, data: new Uint8Array(payload) }));
  }

  readonly session = {
    pollStart: (onReadable: () => void) => {
      this.polls += 1;
      this.wake = onReadable;
    },
    pollStop: () => undefined,
    fillBytes: (ring: number) => this.records[ring]!.reduce((sum, { length }) => sum + length, 0),
    drain: (ring: number, into: Uint8Array, offset: number, end: Uint32Array) => {
      const records = this.records[ring]!;
      this.reads += 1;
      let at = offset;
      while (records[0] && at + records[0].length <= into.length) {
        into.set(records[0], at);
        at += records.shift()!.length;
      }
      end[0] = records.length > 0 ? drainEnd.noRoom : ring === this.busy ? drainEnd.busy : drainEnd.empty;
      this.drainedBytes += at - offset;
      return at - offset;
    },
  } as unknown as NativeSession;

  readonly native = binding({ clocks: () => ({ bootNs: this.nowNs, wallNs: 0n }) });
}

interface Given {
  readonly timeNs: bigint;
  readonly late: boolean;
}

function consumerOf(
  rings: Rings,
  given: Given[],
  onError: (error: unknown) => void = (error) => assert.fail(String(error)),
): Consumer {
  const view = new RecordView();
  return new Consumer(
    rings.native,
    rings.session,
    rings.records.length,
    (batch, offset, late) => given.push({ timeNs: view.at(batch, offset).timeNs, late }),
    () => undefined,
    onError,
  );
}

/** Waits for something that takes a few rounds; the test fails later if it never comes. */
async function until(condition: () => boolean): Promise<void> {
  for (let waits = 0; !condition() && waits < 1000; waits += 1) await sleep(2);
}

/** Starts it as the first record does. */
function started(rings: Rings, given: Given[]): Consumer {
  const consumer = consumerOf(rings, given);
  consumer.start();
  rings.wake();
  return consumer;
}

function assertInOrder(given: readonly Given[], count: number): void {
  assert.equal(given.length, count);
  assert.deepEqual(
    given.filter(({ late }) => late),
    [],
  );
  for (const [at, { timeNs }] of given.entries())
    assert.ok(at === 0 || given[at - 1]!.timeNs <= timeNs, `event ${at}`);
}

test('what is old enough is given out, the last two milliseconds wait', async () => {
  const rings = new Rings(2);
  const now = rings.nowNs;
  rings.add(0, now - 3_000_000n);
  rings.add(1, now - 4_000_000n);
  rings.add(0, now - 1_000_000n);
  const given: Given[] = [];
  const consumer = started(rings, given);
  await until(() => given.length >= 2);
  await sleep(10);
  consumer.halt();
  assertInOrder(given, 2);
  consumer.finish();
  assertInOrder(given, 3);
});

test('a ring with a record that is not committed yet holds back what is later', async () => {
  const rings = new Rings(2);
  rings.add(0, 50n * second);
  rings.add(1, 51n * second);
  rings.busy = 0;
  const given: Given[] = [];
  const consumer = started(rings, given);
  await until(() => given.length > 0);
  await sleep(10);
  assert.deepEqual(
    given.map(({ timeNs }) => timeNs),
    [50n * second],
  );
  rings.busy = undefined;
  rings.add(0, 50n * second + 1n);
  await until(() => given.length === 3);
  consumer.halt();
  assertInOrder(given, 3);
});

test('it goes back to sleep when nothing comes, and wakes up again', async () => {
  const rings = new Rings(1);
  const given: Given[] = [];
  const consumer = started(rings, given);
  await until(() => rings.polls === 2);
  const { reads } = rings;
  await sleep(20);
  assert.equal(rings.reads, reads, 'it reads while it should sleep');
  rings.add(0, 50n * second);
  rings.wake();
  await until(() => rings.polls === 3);
  consumer.halt();
  assertInOrder(given, 1);
});

test('it says until when everything has been given out, however late it is read', async () => {
  const rings = new Rings(2);
  rings.add(0, 50n * second);
  rings.add(1, 51n * second);
  rings.busy = 0;
  const given: Given[] = [];
  const consumer = consumerOf(rings, given);
  consumer.start();
  assert.equal(consumer.givenOutUntilNs, rings.nowNs - 100_000_000n);
  const before = rings.nowNs;
  rings.nowNs += second;
  rings.wake();
  await until(() => given.length > 0);
  await sleep(10);
  // The record of ring 1 waits for what ring 0 may still bring.
  assert.ok(consumer.givenOutUntilNs <= before);
  rings.busy = undefined;
  await until(() => given.length === 2);
  consumer.halt();
  assert.equal(consumer.givenOutUntilNs, rings.nowNs - 2_000_000n);
});

test('at the end everything left is given out in order, however full the rings are', () => {
  const rings = new Rings(3);
  const count = 30_000;
  for (let at = 0; at < count; at += 1) rings.add(at < 20_000 ? 0 : at % 3, BigInt(at) * 1000n, 96);
  const given: Given[] = [];
  const consumer = consumerOf(rings, given);
  consumer.finish();
  assertInOrder(given, count);
});

test('with a hundred CPUs each ring has its turn', async () => {
  const rings = new Rings(100);
  for (let at = 0; at < 5000; at += 1) rings.add((at * 37) % 100, BigInt(at), 16);
  const given: Given[] = [];
  const consumer = started(rings, given);
  await until(() => given.length === 5000);
  consumer.halt();
  assertInOrder(given, 5000);
});

test('a ring that stands still bounds what is held back of the others: the kernel counts what they lose', async () => {
  const rings = new Rings(2);
  rings.busy = 0;
  for (let at = 0; at < 60; at += 1) rings.add(1, BigInt(at), 1 << 18);
  const given: Given[] = [];
  const held = 60 * (1 << 18);
  const consumer = started(rings, given);
  await until(() => rings.reads > 200);
  consumer.halt();
  assert.deepEqual(given, []);
  assert.ok(rings.drainedBytes > 0);
  assert.ok(rings.drainedBytes < held, `${rings.drainedBytes} bytes are held back`);
});

test('a damaged ring ends the trace with an error', () => {
  const rings = new Rings(1);
  rings.session.drain = (_ring, _into, _offset, end) => {
    end[0] = drainEnd.damaged;
    return 0;
  };
  const errors: unknown[] = [];
  const consumer = consumerOf(rings, [], (error) => errors.push(error));
  consumer.start();
  rings.wake();
  consumer.halt();
  assert.match(String(errors[0]), /no record of ours/);
});
