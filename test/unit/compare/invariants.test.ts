/** Whatever journeys there are: numbers that have to agree with each other, and with a plain count of the events. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Journey } from '../../../src/journey/journey.js';
import {
  chainOf,
  compared,
  consumed,
  type Event,
  filtered,
  flow,
  type Hook,
  journeyOf,
  passed,
} from './journeys.js';

const stages = ['nf-prerouting', 'nf-input', 'nf-forward', 'nf-output', 'nf-postrouting'] as const;

/** Whole numbers that are the same in every run. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function anyHook(roll: (below: number) => number): Hook {
  const groups = Array.from({ length: 1 + roll(3) }, (_, at) => [chainOf(`ip t/c${at}`, at)]);
  return { stage: stages[roll(stages.length)]!, netns: 1 + roll(3), groups };
}

function anyJourney(roll: (below: number) => number): { journey: Journey; taps: number; ends: number } {
  const events: Event[] = [];
  let taps = 0;
  for (let at = 0; at < roll(6); at += 1) {
    if (roll(2)) {
      events.push({
        stage: roll(2) ? 'rx-tap' : 'tx-tap',
        netns: 1 + roll(3),
        ifindex: 1 + roll(3),
        armed: roll(2) === 0,
      });
      taps += 1;
      continue;
    }
    const hook = anyHook(roll);
    const last = roll(4) ? hook.groups.length : roll(hook.groups.length);
    events.push(...passed(hook, { flow: { ...flow, dport: 80 + roll(2) } }, last));
    if (last < hook.groups.length) break;
  }
  const end = roll(3);
  if (end > 0) events.push(end === 1 ? filtered : consumed);
  return { journey: journeyOf(events), taps, ends: end > 0 ? 1 : 0 };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

describe('in any comparison', () => {
  for (const seed of [1, 2, 3, 4, 5, 6])
    it(`rows, findings and events agree (${seed})`, () => {
      const roll = dice(seed);
      const made = Array.from({ length: 200 }, () => anyJourney(roll));
      const { stages: rows, findings, dropped } = compared(made.map(({ journey }) => journey));
      const isChain = (row: (typeof rows)[number]): boolean => row.chain !== undefined;

      const taps = rows.filter(({ stage }) => stage.endsWith('-tap'));
      assert.equal(sum(taps.map(({ packets = 0 }) => packets)), sum(made.map((one) => one.taps)));

      const wholes = rows.filter((row) => !isChain(row));
      assert.equal(sum(wholes.map((row) => row.dropped)), dropped);
      const ends = rows.filter(({ stage }) => stage === 'drop' || stage === 'consume');
      const inHooks = sum(wholes.filter(({ stage }) => stage.startsWith('nf-')).map((row) => row.dropped));
      assert.equal(sum(ends.map(({ packets = 0 }) => packets)) + inHooks, sum(made.map((one) => one.ends)));

      const ofKind = (kind: string): number =>
        sum(findings.filter((one) => one.kind === kind).map(({ packets }) => packets));
      assert.equal(ofKind('dropped'), dropped);
      assert.equal(ofKind('unarmed'), sum(taps.map(({ unarmed = 0 }) => unarmed)));

      for (const chain of rows.filter(isChain)) {
        const hook = wholes.find(({ stage, netns }) => stage === chain.stage && netns === chain.netns)!;
        assert.ok(chain.packets! <= hook.packets!);
        assert.ok(chain.dropped + chain.stolenOrQueued <= chain.packets!);
      }
    });
});
