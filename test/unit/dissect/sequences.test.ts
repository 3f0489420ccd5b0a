/** The memory of TCP connections: tcpdump's rules, and a bound that tcpdump does not have. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SequenceTracker } from '../../../src/dissect/sequences.js';

const CLIENT = [10, 0, 0, 1];
const SERVER = [10, 0, 0, 2];

interface Segment {
  from?: readonly number[];
  to?: readonly number[];
  ports: readonly [number, number];
  syn?: boolean;
  seq: number;
  ack: number;
}

function track(tracker: SequenceTracker, segment: Segment): [seq: number, ack: number] {
  const from = segment.from ?? CLIENT;
  const bytes = Uint8Array.from([...from, ...(segment.to ?? SERVER)]);
  const [source, destination] = segment.ports;
  tracker.track(bytes, 0, from.length, source, destination, segment.syn ?? false, segment.seq, segment.ack);
  return [tracker.seq, tracker.ack];
}

describe('SequenceTracker', () => {
  it('shows the first segment as it is and later ones relative to it, in both directions', () => {
    const tracker = new SequenceTracker();
    const reply = { from: SERVER, to: CLIENT, ports: [80, 4000] as const };
    assert.deepEqual(track(tracker, { ...reply, syn: true, seq: 900, ack: 501 }), [900, 501]);
    assert.deepEqual(track(tracker, { ports: [4000, 80], seq: 501, ack: 901 }), [1, 1]);
    assert.deepEqual(track(tracker, { ...reply, seq: 911, ack: 511 }), [11, 11]);
    assert.equal(tracker.sackBase, 500);
  });

  it('counts across the wrap of the 32-bit numbers', () => {
    const tracker = new SequenceTracker();
    track(tracker, { ports: [1, 2], syn: true, seq: 0xfffffff0, ack: 1 });
    assert.deepEqual(track(tracker, { ports: [1, 2], seq: 0x10, ack: 5 }), [0x20, 5]);
  });

  it('a SYN begins anew', () => {
    const tracker = new SequenceTracker();
    track(tracker, { ports: [1, 2], seq: 100, ack: 200 });
    assert.deepEqual(track(tracker, { ports: [1, 2], syn: true, seq: 5000, ack: 6000 }), [5000, 6000]);
    assert.deepEqual(track(tracker, { ports: [1, 2], seq: 5001, ack: 6000 }), [1, 1]);
    assert.equal(tracker.size, 1);
  });

  it('tells equal ports apart by address', () => {
    const tracker = new SequenceTracker();
    track(tracker, { ports: [7, 7], seq: 100, ack: 200 });
    assert.deepEqual(
      track(tracker, { from: SERVER, to: CLIENT, ports: [7, 7], seq: 200, ack: 110 }),
      [1, 10],
    );
    assert.equal(tracker.size, 1);
  });

  it('tells connections apart by each part of the key, and families too', () => {
    const tracker = new SequenceTracker();
    const other = [10, 0, 0, 3];
    const wide = (address: readonly number[]) => [...address, ...new Array<number>(12).fill(0)];
    const segments: Segment[] = [
      { ports: [1, 2], seq: 1, ack: 1 },
      { ports: [1, 3], seq: 1, ack: 1 },
      { ports: [4, 5], seq: 1, ack: 1 },
      { from: other, ports: [1, 2], seq: 1, ack: 1 },
      { to: other, ports: [1, 2], seq: 1, ack: 1 },
      { from: wide(CLIENT), to: wide(SERVER), ports: [1, 2], seq: 1, ack: 1 },
    ];
    for (const segment of segments) track(tracker, segment);
    assert.equal(tracker.size, segments.length);
  });

  it('forgets the connection that was used least recently, and only that one', () => {
    const tracker = new SequenceTracker(3);
    for (const port of [1, 2, 3]) track(tracker, { ports: [port, 1000], seq: 100, ack: 1 });
    track(tracker, { ports: [1, 1000], seq: 100, ack: 1 });
    track(tracker, { ports: [4, 1000], seq: 100, ack: 1 });
    assert.equal(tracker.size, 3);
    for (const port of [1, 3, 4])
      assert.deepEqual(track(tracker, { ports: [port, 1000], seq: 105, ack: 1 })[0], 5);
    assert.deepEqual(track(tracker, { ports: [2, 1000], seq: 105, ack: 1 })[0], 105, 'forgotten');
  });

  it('agrees with a plain map under many connections', () => {
    const capacity = 16;
    const tracker = new SequenceTracker(capacity);
    const model = new Map<number, number>();
    let state = 1;
    for (let i = 0; i < 5000; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const port = 1 + (state >>> 27);
      const seq = i * 10;
      const base = model.get(port);
      model.delete(port);
      if (base === undefined && model.size === capacity) model.delete(model.keys().next().value!);
      model.set(port, base ?? seq);
      assert.equal(
        track(tracker, { ports: [port, 1000], seq, ack: 0 })[0],
        base === undefined ? seq : seq - base,
      );
      assert.equal(tracker.size, model.size);
    }
  });

  it('refuses a capacity that holds nothing', () => {
    for (const capacity of [0, -1, 1.5]) assert.throws(() => new SequenceTracker(capacity), RangeError);
    assert.equal(new SequenceTracker(1).size, 0);
  });
});
