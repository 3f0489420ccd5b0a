/** Frames at XDP have no sk_buff yet; their packets do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Journey } from '../../../src/journey/journey.js';
import { datagram, type Sighting, track } from './sightings.js';

const DROP = 1;
const PASS = 2;
const TX = 3;
const vb = { netns: 2, ifindex: 3 } as const;
const va = { netns: 1, ifindex: 2 } as const;
const packet = datagram(1);

const stagesOf = ({ steps }: Journey): string[] => steps.map(({ stage }) => stage.id);
const guessesOf = ({ steps }: Journey) => steps.flatMap(({ guess }) => guess ?? []);

/** Sent by va, and freed by the driver of vb, which has copied it to make room for XDP. */
const sentAndCopied: readonly Sighting[] = [
  { stage: 'start-xmit', skb: 0x100, head: 0x200, packet, ...va },
  { stage: 'xmit-done', skb: 0x100, ...va },
  { stage: 'consume', skb: 0x100, head: 0x200, packet, ...vb },
];

describe('a frame that XDP lets pass', () => {
  it('becomes the packet that is made of its memory', () => {
    const { journeys } = track([
      { stage: 'xdp', head: 0x300, packet, verdict: PASS, ...vb },
      { stage: 'gro', skb: 0x110, head: 0x300, packet, ...vb },
      { stage: 'rx-tap', skb: 0x110, head: 0x300, packet, ...vb },
      { stage: 'consume', skb: 0x110, head: 0x300, packet, ...vb },
    ]);
    assert.equal(journeys.length, 1);
    assert.deepEqual(stagesOf(journeys[0]!), ['xdp', 'gro', 'rx-tap', 'consume']);
    assert.equal(journeys[0]!.branches.length, 1);
    assert.equal(journeys[0]!.closed, 'ended');
    assert.deepEqual(guessesOf(journeys[0]!), []);
  });

  it('is known by its content where the driver copies it', () => {
    for (const cpu of [0, 1]) {
      const { journeys } = track([
        { stage: 'xdp', head: 0x300, packet, verdict: PASS, ...vb },
        { stage: 'netif-rx', skb: 0x110, head: 0x400, packet, cpu, ...vb },
        { stage: 'rx-tap', skb: 0x110, head: 0x400, packet, cpu, ...vb },
      ]);
      assert.equal(journeys.length, 1);
      assert.deepEqual(stagesOf(journeys[0]!), ['xdp', 'netif-rx', 'rx-tap']);
      assert.equal(guessesOf(journeys[0]!).length, cpu, 'on its own CPU that is no guess');
    }
  });

  it('is not taken for another frame in the same memory', () => {
    const { journeys } = track([
      { stage: 'xdp', head: 0x300, packet, verdict: PASS, ...vb },
      { stage: 'rx-tap', skb: 0x110, head: 0x300, packet, ...vb },
      { stage: 'consume', skb: 0x110, head: 0x300, packet, ...vb },
      { stage: 'xdp', head: 0x300, packet: datagram(2), verdict: PASS, ...vb },
      { stage: 'rx-tap', skb: 0x110, head: 0x300, packet: datagram(2), ...vb },
    ]);
    assert.deepEqual(journeys.map(stagesOf), [
      ['xdp', 'rx-tap', 'consume'],
      ['xdp', 'rx-tap'],
    ]);
  });

  it('goes on from its sender, whose sk_buff the driver freed before', () => {
    const { journeys } = track([
      ...sentAndCopied,
      { stage: 'xdp', head: 0x300, packet, verdict: PASS, ...vb },
      { stage: 'rx-tap', skb: 0x110, head: 0x300, packet, ...vb },
      { stage: 'consume', skb: 0x110, head: 0x300, packet, ...vb },
    ]);
    assert.equal(journeys.length, 1);
    assert.deepEqual(
      journeys[0]!.branches.map(({ kind, end }) => [kind, end?.stage.id]),
      [
        ['packet', 'consume'],
        ['copy', 'consume'],
      ],
    );
    assert.deepEqual(guessesOf(journeys[0]!), []);
  });
});

describe('a frame that XDP takes', () => {
  it('ends there', () => {
    const { journeys } = track([
      { stage: 'xdp', head: 0x300, packet, verdict: DROP, ...vb },
      { stage: 'xdp', head: 0x300, packet: datagram(2), verdict: DROP, ...vb },
    ]);
    assert.deepEqual(journeys.map(stagesOf), [['xdp'], ['xdp']]);
    assert.deepEqual(
      journeys.map(({ closed, branches }) => [closed, branches[0]!.end?.stage.id]),
      [
        ['ended', 'xdp'],
        ['ended', 'xdp'],
      ],
    );
  });

  it('is freed by a driver that had an sk_buff already', () => {
    const { journeys } = track([
      ...sentAndCopied,
      { stage: 'xdp', head: 0x300, packet, verdict: DROP, ...vb },
      { stage: 'drop', skb: 0x110, head: 0x300, packet, ...vb },
    ]);
    assert.equal(journeys.length, 1);
    assert.deepEqual(stagesOf(journeys[0]!).slice(-2), ['xdp', 'drop']);
    assert.equal(journeys[0]!.closed, 'ended');
  });

  it('is the same packet where it comes back to its sender', () => {
    const { journeys } = track([
      { stage: 'xdp', head: 0x300, packet, verdict: TX, ...vb },
      { stage: 'gro', skb: 0x110, head: 0x300, packet, ...va },
      { stage: 'rx-tap', skb: 0x110, head: 0x300, packet, ...va },
      { stage: 'drop', skb: 0x110, head: 0x300, packet, ...va },
    ]);
    assert.equal(journeys.length, 1);
    assert.deepEqual(stagesOf(journeys[0]!), ['xdp', 'gro', 'rx-tap', 'drop']);
    assert.equal(journeys[0]!.branches[0]!.end?.stage.id, 'drop');
  });
});
