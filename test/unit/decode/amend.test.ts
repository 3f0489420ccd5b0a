/** Records that amend an earlier one of the same attachment and packet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapDelivery } from '../../../src/decode/layout.generated.js';
import { Merger } from '../../../src/decode/merge.js';
import { Batch, RecordView } from '../../../src/decode/record.js';
import { batchBytes, type RecordContent } from '../support/records.js';

interface Given {
  readonly attachId: number;
  readonly skb: number;
  readonly amends: boolean;
  readonly verdict?: number;
  readonly aux?: bigint;
}

const packet = (attachId: number, skb: number, timeNs: number): RecordContent => ({
  fields: { attachId, skb: BigInt(skb), timeNs: BigInt(timeNs) },
  has: ['skb'],
});
const verdictOf = (attachId: number, skb: number, timeNs: number, verdict: number): RecordContent => ({
  fields: { attachId, skb: BigInt(skb), timeNs: BigInt(timeNs), verdict },
  has: ['skb', 'verdict'],
  is: ['amends'],
});

/** What comes out when these batches of one ring go in, and how many batches come back. */
function merged(...batches: RecordContent[][]): { given: Given[]; released: number } {
  let released = 0;
  const merger = new Merger(1, 0n, () => {
    released += 1;
  });
  const view = new RecordView();
  for (const records of batches) {
    const bytes = batchBytes(records);
    merger.add(0, new Batch(bytes), bytes.length);
  }
  const given: Given[] = [];
  merger.giveOut(Number.POSITIVE_INFINITY, (batch, offset) => {
    const record = view.at(batch, offset);
    given.push({
      attachId: record.attachId,
      skb: record.skbLow,
      amends: record.is('amends'),
      ...(record.has('verdict') && { verdict: record.verdict }),
      ...(record.has('aux') && { aux: record.aux }),
    });
  });
  assert.equal(merger.waiting, 0);
  return { given, released };
}

test('an amendment disappears into the record it is about', () => {
  const { given } = merged([packet(1, 7, 10), verdictOf(1, 7, 12, -1), packet(1, 8, 14)]);
  assert.deepEqual(given, [
    { attachId: 1, skb: 7, amends: false, verdict: -1 },
    { attachId: 1, skb: 8, amends: false },
  ]);
});

test('the latest record of the same attachment and packet, and no other', () => {
  const { given } = merged([
    packet(1, 7, 10),
    packet(2, 7, 11),
    packet(1, 8, 12),
    packet(1, 7, 13),
    packet(1, 9, 14),
    verdictOf(1, 7, 15, 0),
  ]);
  assert.deepEqual(
    given.map(({ verdict }) => verdict),
    [undefined, undefined, undefined, 0, undefined],
  );
});

test('hooks within hooks: each record gets its own', () => {
  const { given } = merged([
    packet(1, 7, 10),
    packet(3, 70, 11),
    verdictOf(3, 70, 12, 0),
    verdictOf(1, 7, 13, -1),
  ]);
  assert.deepEqual(
    given.map(({ attachId, verdict }) => [attachId, verdict]),
    [
      [1, -1],
      [3, 0],
    ],
  );
});

test('across batches; a batch of nothing but amendments comes back at once', () => {
  const { given, released } = merged([packet(1, 7, 10)], [verdictOf(1, 7, 12, -1)], [packet(1, 8, 13)]);
  assert.deepEqual(given.length, 2);
  assert.equal(given[0]!.verdict, -1);
  assert.equal(released, 3);
});

test('one that comes too late, or from another CPU, is an event of its own', () => {
  const { given } = merged([verdictOf(1, 7, 12, -1), verdictOf(1, 7, 13, 0)]);
  assert.deepEqual(given, [
    { attachId: 1, skb: 7, amends: true, verdict: -1 },
    { attachId: 1, skb: 7, amends: true, verdict: 0 },
  ]);
});

test('what a packet socket answered is carried over', () => {
  const answer: RecordContent = {
    fields: {
      ...{ attachId: 4, skb: 7n, timeNs: 20n },
      aux: BigInt(tapDelivery.full),
    },
    has: ['skb', 'aux'],
    is: ['amends'],
  };
  const { given } = merged([packet(4, 7, 10), answer]);
  assert.deepEqual(given, [{ attachId: 4, skb: 7, amends: false, aux: BigInt(tapDelivery.full) }]);
});
