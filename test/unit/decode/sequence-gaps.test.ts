/** What is missing, at the place where it is missing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Merger } from '../../../src/decode/merge.js';
import { Batch, RecordView } from '../../../src/decode/record.js';
import { batchBytes } from '../support/records.js';

/** Records of both attachments of two rings, by number; what is given out with the gap before each. */
function gapsOf(
  rings: readonly (readonly { attachId: number; sequence: number; amends?: boolean }[])[],
): string[] {
  const merger = new Merger(rings.length, 0n);
  for (const [ring, list] of rings.entries()) {
    const bytes = batchBytes(
      list.map(({ attachId, sequence, amends }, index) => ({
        fields: { attachId, sequence: BigInt(sequence), timeNs: BigInt(ring * 1000 + index + 1) },
        ...(amends && { is: ['amends'] as const }),
      })),
    );
    merger.add(ring, new Batch(bytes), bytes.length);
  }
  const given: string[] = [];
  const view = new RecordView();
  merger.giveOut(Number.POSITIVE_INFINITY, (batch, offset, _late, gap) => {
    given.push(`${view.at(batch, offset).attachId}:${gap}`);
  });
  return given;
}

const of = (attachId: number, ...numbers: number[]) => numbers.map((sequence) => ({ attachId, sequence }));

describe('gaps in the numbers of records', () => {
  it('are none where nothing is missing, and before the first one', () => {
    assert.deepEqual(gapsOf([of(0, 7, 8, 9)]), ['0:0', '0:0', '0:0']);
  });

  it('are counted for each attachment and each ring', () => {
    const first = [...of(0, 1), ...of(1, 1), ...of(0, 5), ...of(1, 2)];
    assert.deepEqual(gapsOf([first, of(0, 1, 2, 10)]), ['0:0', '1:0', '0:3', '1:0', '0:0', '0:0', '0:7']);
  });

  it('are not made by records that amend one, which have its number', () => {
    const amendment = { attachId: 0, sequence: 1, amends: true };
    assert.deepEqual(gapsOf([[...of(0, 1), amendment, ...of(0, 2, 4)]]).at(-1), '0:1');
  });

  it('go over the end of 32 bits', () => {
    assert.deepEqual(gapsOf([of(0, 0xffff_ffff, 2)]), ['0:0', '0:2']);
  });

  it('are taken back where a number comes twice', () => {
    assert.deepEqual(gapsOf([of(0, 1, 3, 3, 4)]), ['0:0', '0:1', '0:-1', '0:0']);
  });
});
