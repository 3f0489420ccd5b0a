import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attachment } from '../../../src/attach/plan.js';
import type { AttachmentCounts } from '../../../src/attach/session.js';
import { attachmentLosses, type Ledger, lostEvents, makeLedger } from '../../../src/trace/ledger.js';
import { v618 } from '../attach/kernels.js';
import { plan } from '../attach/requests.js';

/** rx-tap, tx-tap and the program that infers tx-tap, as a kernel with fentry and without kprobes has them. */
const { attachments } = plan('taps', { ...v618, refusals: [] });

/** Losses by attachment: ring, recursion misses. */
function ledger(losses: readonly (readonly [number, number | null])[], user = 0): Ledger {
  const countsOf = ({ attachId }: Attachment): AttachmentCounts => {
    const [lostRing, recursionMisses] = losses[attachId]!;
    const counts = { seen: 1000, filtered: 10, matched: 990, emitted: 900, forgotten: 0, undecided: 0 };
    return { ...counts, lostRing, recursionMisses };
  };
  return makeLedger(attachments, attachmentLosses(attachments, countsOf), user);
}

test('no loss: complete, with a zero for every stage', () => {
  assert.deepEqual(
    ledger([
      [0, 0],
      [0, 0],
      [0, 0],
    ]),
    {
      lost: { ring: 0, recursion: 0, user: 0 },
      lostByStage: { 'rx-tap': { ring: 0, recursion: 0 }, 'tx-tap': { ring: 0, recursion: 0 } },
      complete: true,
    },
  );
});

test('losses of both programs of a stage are its losses', () => {
  const made = ledger([
    [5, 1],
    [2, 0],
    [30, 4],
  ]);
  assert.deepEqual(made.lostByStage, {
    'rx-tap': { ring: 5, recursion: 1 },
    'tx-tap': { ring: 32, recursion: 4 },
  });
  assert.deepEqual(made.lost, { ring: 37, recursion: 5, user: 0 });
  assert.equal(made.complete, false);
  assert.equal(lostEvents(made), 42);
});

test('each kind of loss alone is a loss', () => {
  for (const made of [
    ledger([
      [1, 0],
      [0, 0],
      [0, 0],
    ]),
    ledger([
      [0, 0],
      [0, 1],
      [0, 0],
    ]),
    ledger(
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      1,
    ),
  ]) {
    assert.equal(made.complete, false);
    assert.equal(lostEvents(made), 1);
  }
});

test('what a kernel does not count is unknown, not zero', () => {
  const made = ledger([
    [0, null],
    [0, 0],
    [0, 0],
  ]);
  assert.equal(made.complete, 'unknown');
  assert.deepEqual(made.lost, { ring: 0, recursion: null, user: 0 });
  assert.deepEqual(made.lostByStage['rx-tap'], { ring: 0, recursion: null });
  assert.deepEqual(made.lostByStage['tx-tap'], { ring: 0, recursion: 0 });
});

test('a known loss is told, whatever is unknown beside it', () => {
  const made = ledger([
    [0, null],
    [3, 2],
    [0, 0],
  ]);
  assert.equal(made.complete, false);
  assert.equal(made.lost.recursion, null);
  assert.equal(lostEvents(made), 3);
});
