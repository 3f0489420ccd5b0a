import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Journey } from '../../../src/journey/journey.js';
import type { TapEvent } from '../../../src/trace/event.js';
import { content, datagram, ipv4, type Sighting, startNs, tcp, track, udp } from './sightings.js';

const stagesOf = ({ steps }: Journey): string[] => steps.map(({ stage }) => stage.id);

/** The way of one datagram from va (2) in namespace 1 to vb (3) in namespace 2. */
function overVeth(number: number, skb: number, head: number, ends = true): Sighting[] {
  const packet = datagram(number);
  const sent = { skb, head, packet };
  return [
    { stage: 'nf-output', ...sent },
    { stage: 'dev-queue', ...sent, ifindex: 2 },
    { stage: 'tx-tap', ...sent, ifindex: 2 },
    { stage: 'start-xmit', ...sent, ifindex: 2 },
    { stage: 'netif-rx', ...sent, netns: 2, ifindex: 3 },
    { stage: 'xmit-done', skb, ifindex: 2 },
    { stage: 'rx-tap', ...sent, netns: 2, ifindex: 3 },
    { stage: 'nf-input', ...sent, netns: 2, ifindex: 3 },
    ...(ends ? [{ stage: 'consume' as const, ...sent, netns: 2, ifindex: 3 }] : []),
  ];
}

describe('one packet', () => {
  it('keeps its journey over a veth pair, to its end', () => {
    const { journeys } = track(overVeth(1, 0x100, 0x200));
    assert.equal(journeys.length, 1);
    assert.equal(journeys[0]!.steps.length, 9);
    assert.equal(journeys[0]!.closed, 'ended');
    assert.equal(journeys[0]!.branches[0]!.end?.stage.id, 'consume');
  });

  it('is the same after NAT, with another TTL', () => {
    const packet = datagram(1);
    const translated = datagram(1, { dst: '10.9.9.9', ttl: 63 });
    const base = { skb: 0x100, head: 0x200, ifindex: 2 };
    const { numbers } = track([
      { stage: 'rx-tap', ...base, packet },
      { stage: 'nf-prerouting', ...base, packet },
      { stage: 'nf-forward', ...base, packet: translated },
      { stage: 'tx-tap', ...base, ifindex: 3, packet: translated },
    ]);
    assert.deepEqual(numbers, [1, 1, 1, 1]);
  });

  it('is the same where a bridge runs the hooks of IP before its own device has it', () => {
    const base = { skb: 0x100, head: 0x200, packet: datagram(1) };
    const { numbers } = track([
      { stage: 'rx-tap', ...base, ifindex: 2 },
      { stage: 'nf-prerouting', ...base, ifindex: 3 },
      { stage: 'netif-rx', ...base, ifindex: 3 },
      { stage: 'rx-tap', ...base, ifindex: 3 },
      { stage: 'nf-input', ...base, ifindex: 3 },
    ]);
    assert.deepEqual(numbers, [1, 1, 1, 1, 1]);
  });

  it('is the same inside a tunnel', () => {
    const packet = datagram(1);
    const outer = ipv4({ protocol: 4, id: 77, src: '1.1.1.1', dst: '2.2.2.2', payload: packet });
    const base = { skb: 0x100, head: 0x200 };
    const { numbers } = track([
      { stage: 'nf-output', ...base, packet },
      { stage: 'start-xmit', ...base, packet, ifindex: 5, linkType: 768 },
      { stage: 'nf-output', ...base, packet: outer },
      { stage: 'tx-tap', ...base, packet: outer, ifindex: 2 },
    ]);
    assert.deepEqual(numbers, [1, 1, 1, 1]);
  });

  it('is believed to be the same where a tunnel encrypts it, and that is called a guess', () => {
    const base = { skb: 0x100, head: 0x200 };
    const { journeys, tracker } = track([
      { stage: 'start-xmit', ...base, packet: datagram(1), ifindex: 5, linkType: 0xfffe },
      { stage: 'nf-output', ...base, packet: datagram(99) },
    ]);
    assert.equal(journeys.length, 1);
    assert.match(journeys[0]!.steps[1]!.guess ?? '', /encrypted/);
    assert.equal(tracker.counts.guessed, 1);
  });
});

describe('memory used again', () => {
  it('never glues two packets together, whether or not the end was seen', () => {
    for (const ends of [true, false]) {
      const sightings = Array.from({ length: 50 }, (_, i) => overVeth(i, 0x100, 0x200, ends)).flat();
      const { journeys } = track(sightings);
      assert.equal(journeys.length, 50);
      for (const { steps } of journeys) assert.equal(steps.length, ends ? 9 : 8);
      const closed = new Set(journeys.map((journey) => journey.closed));
      assert.deepEqual([...closed], [ends ? 'ended' : 'delivered']);
    }
  });

  it('tells equal packets apart by the order of stages', () => {
    const same = overVeth(7, 0x100, 0x200, false);
    assert.equal(track([...same, ...same, ...same]).journeys.length, 3);
  });

  it('tells equal packets apart where only the way out is watched', () => {
    const sent = { skb: 0x100, head: 0x200, packet: datagram(7) };
    const once: Sighting[] = [
      { stage: 'nf-output', ...sent },
      { stage: 'start-xmit', ...sent, ifindex: 2 },
      { stage: 'xmit-done', skb: 0x100, ifindex: 2 },
    ];
    assert.deepEqual(track([...once, ...once]).numbers, [1, 1, 1, 2, 2, 2]);
  });

  it('leaves the end of another packet to that packet', () => {
    const { journeys, numbers } = track([
      { stage: 'rx-tap', skb: 0x100, head: 0x200, ifindex: 2, packet: datagram(1) },
      { stage: 'drop', skb: 0x100, head: 0x200, packet: datagram(2) },
    ]);
    assert.deepEqual(numbers, [1, 2]);
    assert.deepEqual(journeys.map(stagesOf), [['rx-tap'], ['drop']]);
  });
});

describe('clones', () => {
  const packet = datagram(1);
  const sent = { skb: 0x100, head: 0x200, ifindex: 2, packet };

  it("does not take the tap clone's end for the packet's", () => {
    const { journeys } = track([
      { stage: 'dev-queue', ...sent },
      { stage: 'tx-tap', mechanism: 'packet_socket', ...sent, skb: 0x300 },
      { stage: 'consume', ...sent, skb: 0x300 },
      { stage: 'start-xmit', ...sent },
      { stage: 'consume', ...sent },
    ]);
    assert.equal(journeys.length, 1);
    const [{ branches, steps }] = journeys as [Journey];
    assert.deepEqual(
      branches.map(({ kind }) => kind),
      ['packet', 'tap-clone'],
    );
    assert.deepEqual(
      branches.map(({ end }) => end?.seq),
      [5, 3],
    );
    assert.deepEqual(
      steps.map(({ branch }) => branch),
      [0, 1, 1, 0, 0],
    );
  });

  it('takes the end of a clone that nobody saw made for what it is', () => {
    const { journeys } = track([
      { stage: 'dev-queue', ...sent },
      { stage: 'consume', ...sent, skb: 0x300 },
      { stage: 'start-xmit', ...sent },
    ]);
    assert.deepEqual(
      journeys[0]!.branches.map(({ kind }) => kind),
      ['packet', 'clone'],
    );
    assert.equal(journeys[0]!.branches[0]!.end, undefined);
  });

  it('forks where a bridge floods', () => {
    const { journeys } = track([
      { stage: 'rx-tap', ...sent },
      { stage: 'dev-queue', ...sent, skb: 0x300, ifindex: 3 },
      { stage: 'start-xmit', ...sent, skb: 0x300, ifindex: 3 },
      { stage: 'dev-queue', ...sent, ifindex: 4 },
      { stage: 'start-xmit', ...sent, ifindex: 4 },
      { stage: 'consume', ...sent, skb: 0x300, ifindex: 3 },
      { stage: 'consume', ...sent, ifindex: 4 },
    ]);
    assert.equal(journeys.length, 1);
    assert.equal(journeys[0]!.closed, 'ended');
    assert.deepEqual(
      journeys[0]!.branches.map(({ kind }) => kind),
      ['packet', 'clone'],
    );
  });

  it('starts a new journey for a retransmission from the same memory', () => {
    const segment = ipv4({ protocol: 6, payload: tcp(1000, content(1)) });
    const first = { skb: 0x100, head: 0x200, packet: segment };
    const { journeys } = track([
      { stage: 'nf-output', ...first },
      { stage: 'start-xmit', ...first, ifindex: 2 },
      { stage: 'nf-output', ...first, skb: 0x300 },
      { stage: 'start-xmit', ...first, skb: 0x300, ifindex: 2 },
    ]);
    assert.equal(journeys.length, 2);
    assert.deepEqual(journeys[1]!.parents, [{ packet: 1, how: 'retransmission' }]);
    assert.deepEqual(journeys[0]!.children, [{ packet: 2, how: 'retransmission' }]);
  });
});

describe('packets made of packets', () => {
  it('knows the segments that software cut from a large packet', () => {
    const stream = content(1, 3000);
    const whole = ipv4({ protocol: 6, id: 5, payload: tcp(1000, stream) });
    const part = (index: number) =>
      ipv4({
        protocol: 6,
        id: 5 + index,
        payload: tcp(1000 + index * 1000, stream.subarray(index * 1000, index * 1000 + 1000)),
      });
    const { journeys } = track([
      { stage: 'dev-queue', skb: 0x100, head: 0x200, ifindex: 2, packet: whole, gso: 1000 },
      { stage: 'consume', skb: 0x100, head: 0x200, ifindex: 2, packet: whole, gso: 1000 },
      ...[0, 1, 2].map(
        (index): Sighting => ({
          stage: 'tx-tap',
          skb: 0x300 + index,
          head: 0x400 + index,
          ifindex: 2,
          packet: part(index),
        }),
      ),
    ]);
    assert.equal(journeys.length, 4);
    const [large] = journeys.filter(({ children }) => children.length > 0);
    assert.deepEqual(
      large!.children,
      [1, 2, 3].map((index) => ({ packet: index + 1, how: 'gso-segment', part: index })),
    );
  });

  it('knows fragments, and what they are put together to', () => {
    const whole = ipv4({ id: 9, payload: udp(content(3, 1992)) });
    const fragment = (offset: number, last: boolean) =>
      ipv4({
        ...{ id: 9, fragmentOffset: offset, moreFragments: !last },
        payload: whole.subarray(20 + offset, 20 + offset + 1000),
      });
    const rx = { ifindex: 3, netns: 2 };
    const { journeys } = track([
      { stage: 'nf-postrouting', skb: 0x100, head: 0x200, packet: whole },
      { stage: 'start-xmit', skb: 0x100, head: 0x200, ifindex: 2, packet: fragment(0, false) },
      { stage: 'rx-tap', skb: 0x100, head: 0x200, ...rx, packet: fragment(0, false) },
      { stage: 'start-xmit', skb: 0x101, head: 0x201, ifindex: 2, packet: fragment(1000, true) },
      { stage: 'rx-tap', skb: 0x101, head: 0x201, ...rx, packet: fragment(1000, true) },
      { stage: 'nf-input', skb: 0x101, head: 0x200, ...rx, packet: whole },
      { stage: 'consume', skb: 0x101, head: 0x200, ...rx, packet: whole },
    ]);
    assert.deepEqual(
      journeys.map(({ closed }) => closed),
      ['merged', 'ended'],
    );
    const [first, second] = journeys as [Journey, Journey];
    assert.deepEqual(first.children, [
      { packet: 2, how: 'fragment', part: 2 },
      { packet: 2, how: 'reassembly' },
    ]);
    assert.deepEqual(stagesOf(second), ['start-xmit', 'rx-tap', 'nf-input', 'consume']);
  });

  it('does not number fragments of what it saw only in fragments', () => {
    const fragment = (index: number) => {
      const place = { id: 9, fragmentOffset: index * 1000, moreFragments: index < 2 };
      return ipv4({ ...place, payload: content(index + 1, 1000) });
    };
    const { journeys } = track(
      [0, 1, 2].map(
        (index): Sighting => ({
          ...{ stage: 'rx-tap', skb: 0x100 + index, head: 0x200 + index, ifindex: 3 },
          packet: fragment(index),
        }),
      ),
    );
    const parts = journeys.flatMap(({ parents }) => parents.map(({ part }) => part));
    assert.deepEqual(parts, [undefined, undefined]);
  });

  it('closes the frames that GRO merged', () => {
    const stream = content(1, 2000);
    const frame = (index: number, count = 1) =>
      ipv4({
        protocol: 6,
        id: 5 + index,
        payload: tcp(1000 + index * 1000, stream.subarray(index * 1000, (index + count) * 1000)),
      });
    const { journeys } = track([
      { stage: 'gro', skb: 0x100, head: 0x200, ifindex: 3, packet: frame(0) },
      { stage: 'gro', skb: 0x101, head: 0x201, ifindex: 3, packet: frame(1) },
      { stage: 'rx-tap', skb: 0x100, head: 0x200, ifindex: 3, packet: frame(0, 2), gso: true },
    ]);
    assert.deepEqual(
      journeys.map(({ packet, closed }) => [packet, closed]),
      [
        [2, 'merged'],
        [1, 'stopped'],
      ],
    );
    assert.deepEqual(journeys[1]!.parents, [{ packet: 2, how: 'gro-merge' }]);
  });
});

describe('closing', () => {
  it('lets ended packets linger for what other CPUs still report', () => {
    const sightings = overVeth(1, 0x100, 0x200);
    const late: Sighting = { stage: 'rx-tap', skb: 0x900, head: 0x900, ifindex: 3, packet: datagram(2) };
    assert.equal(track([...sightings, { ...late, at: 1000 }], { open: true }).journeys.length, 0);
    assert.equal(track([...sightings, { ...late, at: 9000 }], { open: true }).journeys.length, 1);
  });

  it('calls a packet delivered that the host took and nothing more is heard of', () => {
    const { journeys } = track(
      [
        ...overVeth(1, 0x100, 0x200, false),
        { stage: 'rx-tap', skb: 0x9, head: 0x9, ifindex: 3, at: 300_000, packet: datagram(2) },
      ],
      { open: true },
    );
    assert.deepEqual(
      journeys.map(({ closed }) => closed),
      ['delivered'],
    );
  });

  it('closes silent ones after five seconds, and the oldest where too many are open', () => {
    const rx = (number: number, at: number): Sighting => {
      return { stage: 'rx-tap', skb: number, head: number, ifindex: 2, at, packet: datagram(number) };
    };
    const silent = track([rx(1, 1), ...Array.from({ length: 200 }, (_, i) => rx(i + 2, (i + 1) * 100_000))], {
      open: true,
    });
    assert.equal(silent.journeys[0]!.closed, 'idle');
    assert.ok(silent.tracker.counts.open < 80, `${silent.tracker.counts.open} open`);
    const many = track(
      Array.from({ length: 20 }, (_, i) => rx(i + 1, i + 1)),
      { openMax: 8, open: true },
    );
    assert.equal(many.tracker.counts.open, 8);
    assert.deepEqual(many.tracker.counts.closed.limit, 12);
  });

  it('shows no packet of which nothing but a normal end was seen', () => {
    assert.equal(track([{ stage: 'consume', skb: 1, head: 2, packet: datagram(1) }]).journeys.length, 0);
    assert.equal(track([{ stage: 'drop', skb: 1, head: 2, packet: datagram(1) }]).journeys.length, 1);
  });
});

describe('a packet that was on its way', () => {
  const sinceBegin = ({ record }: TapEvent): number =>
    (record.timeHigh - Number(startNs >> 32n)) * 2 ** 32 + record.timeLow - Number(startNs & 0xffffffffn);
  const way = (number: number, at: number): Sighting[] => {
    const sent = { skb: 0x100 * number, head: 0x1000 * number, ifindex: 2, packet: datagram(number) };
    return [
      { stage: 'rx-tap', at, ...sent },
      { stage: 'nf-input', at: at + 5, ...sent },
    ];
  };
  const packetsOf = (journeys: readonly Journey[]): number[] => journeys.map(({ packet }) => packet);

  it('when recording began is counted and not shown', () => {
    const { journeys, tracker } = track([...way(1, 10), ...way(2, 5000)], { sinceBegin });
    assert.deepEqual(packetsOf(journeys), [2]);
    assert.equal(tracker.counts.partial, 1);
  });

  it('when it ended is counted and not shown; one that was silent before is', () => {
    const { journeys, tracker } = track([...way(1, 1000), ...way(2, 9000)], { sinceBegin, open: true });
    tracker.tick(startNs + 9_500_000n);
    tracker.finish();
    assert.deepEqual(packetsOf(journeys), [1]);
    assert.equal(tracker.counts.partial, 1);
  });
});
