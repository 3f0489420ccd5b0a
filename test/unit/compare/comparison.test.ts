/** Counting: every packet at every place it passed, once a pass. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ComparisonResult, StageCount } from '../../../src/compare/result.js';
import type { BaseChain } from '../../../src/netfilter/types.js';
import type { StageId } from '../../../src/stages/types.js';
import {
  bridgeChains,
  bridged,
  byXdp,
  chainOf,
  compared,
  consumed,
  type Event,
  filtered,
  flow,
  frameBytes,
  type Hook,
  ipBytes,
  journeyOf,
  noSocket,
  passed,
  rxTap,
  times,
  txTap,
  undecided,
} from './journeys.js';

const first = chainOf('inet filter/early', -10);
const second = chainOf('inet filter/in', 20);
const input: Hook = { stage: 'nf-input', groups: [[first], [second]] };
const nat = chainOf('ip nat/PREROUTING', -100);
const prerouting: Hook = { stage: 'nf-prerouting', groups: [[nat]] };
const output: Hook = { stage: 'nf-output', groups: [[chainOf('ip filter/OUTPUT')]] };

/** The row of a stage, or of a chain in it. */
function row(result: ComparisonResult, stage: StageId, chain?: string, netns?: number): StageCount {
  const rows = result.stages.filter(
    (count) =>
      count.stage === stage &&
      count.chain?.chain === chain &&
      (netns === undefined || count.netns === netns) &&
      !count.chains,
  );
  assert.equal(rows.length, 1, `${stage} ${chain ?? ''}: ${rows.length} rows`);
  return rows[0]!;
}

describe('counting packets', () => {
  it('at taps with their link header, at hooks without it', () => {
    const result = compared(times(3, [rxTap, ...passed(input), consumed]));
    assert.deepEqual([row(result, 'rx-tap').packets, row(result, 'rx-tap').bytes], [3, 3 * frameBytes]);
    for (const chain of [undefined, 'early', 'in']) {
      const { packets, bytes, dropped } = row(result, 'nf-input', chain);
      assert.deepEqual({ packets, bytes, dropped }, { packets: 3, bytes: 3 * ipBytes, dropped: 0 });
    }
  });

  it('once a pass, however many brackets there are', () => {
    const twice = [rxTap, ...passed(input), ...passed(input), consumed];
    const result = compared([journeyOf(twice)]);
    assert.equal(row(result, 'nf-input').packets, 2);
    assert.equal(row(result, 'nf-input', 'in').packets, 2);
  });

  it('in each namespace for itself', () => {
    const there: Hook = { ...input, netns: 2 };
    const result = compared(times(4, [rxTap, ...passed(input), { ...rxTap, netns: 2 }, ...passed(there)]));
    assert.equal(row(result, 'nf-input', undefined, 1).packets, 4);
    assert.equal(row(result, 'nf-input', undefined, 2).packets, 4);
    assert.equal(row(result, 'nf-input', 'in', 2).netnsName, 'ns2');
  });

  it('IPv4 and IPv6 together where one chain has both', () => {
    const six: Hook = { ...input, family: 'ip6' };
    const result = compared([journeyOf(passed(input)), journeyOf(passed(six))]);
    assert.equal(row(result, 'nf-input').packets, 2);
    assert.equal(row(result, 'nf-input', 'in').packets, 2);
  });

  it('the chains before a bracket whose predecessor was lost', () => {
    const result = compared([journeyOf([rxTap, ...passed(input, {}, 2, 1), consumed])]);
    assert.equal(row(result, 'nf-input', 'early').packets, 1);
    assert.equal(row(result, 'nf-input', 'in').packets, 1);
  });

  it('taps that nobody listens at', () => {
    const result = compared(times(2, [{ ...rxTap, armed: false }, consumed]));
    assert.equal(row(result, 'rx-tap').unarmed, 2);
  });

  it('time from the last tap to each place', () => {
    const result = compared([
      journeyOf([
        { ...rxTap, atNs: 1000 },
        { ...passed(input)[0]!, atNs: 1030 },
        { ...filtered, atNs: 1050 },
      ]),
    ]);
    assert.deepEqual(row(result, 'nf-input').afterTapNs, { median: 30, p99: 30 });
    assert.equal(row(result, 'rx-tap').afterTapNs, undefined);
  });
});

describe('drops', () => {
  it('belong to the chain behind the last bracket', () => {
    const early = times(2, [rxTap, ...passed(input, {}, 0), filtered]);
    const late = times(5, [rxTap, ...passed(input, {}, 1), filtered]);
    const result = compared([...early, ...late]);
    assert.equal(row(result, 'nf-input', 'early').dropped, 2);
    assert.equal(row(result, 'nf-input', 'in').dropped, 5);
    assert.equal(row(result, 'nf-input').dropped, 7);
    assert.equal(row(result, 'nf-input', 'in').packets, 5);
    assert.equal(result.dropped, 7);
    assert.ok(!result.stages.some(({ stage }) => stage === 'drop'));
  });

  it('none of an ICMP message whose clone went to a socket', () => {
    const ping: Event = { stage: 'drop', reason: 3, location: 6n };
    const taken: Event = { stage: 'consume', branch: 1 };
    const branches = [{ kind: 'packet' }, { kind: 'clone', from: 0 }] as const;
    const events = [rxTap, ...passed(input), ping];
    assert.equal(compared([journeyOf([...events, taken], { branches })]).dropped, 0);
    assert.equal(compared([journeyOf(events)]).dropped, 1);
  });

  it('behind the last bracket are the stack’s own', () => {
    const result = compared([journeyOf([rxTap, ...passed(input), noSocket])]);
    assert.equal(row(result, 'nf-input').dropped, 0);
    assert.deepEqual([row(result, 'drop').reason, row(result, 'drop').dropped], ['NO_SOCKET', 1]);
  });

  it('with a stack that was in no hook are not the firewall’s, though a bracket is missing', () => {
    const result = compared([journeyOf([rxTap, ...passed(input, {}, 1), noSocket])]);
    assert.equal(row(result, 'nf-input').dropped, 0);
    assert.equal(row(result, 'drop').dropped, 1);
  });

  it('in a hook whose chains are not known belong to the hook', () => {
    const hook: Event = { stage: 'nf-input', family: 2 };
    const result = compared([journeyOf([rxTap, hook, filtered])]);
    assert.equal(row(result, 'nf-input').dropped, 1);
  });

  it('in a hook that nothing watches are placed there by their stack', () => {
    const result = compared([journeyOf([rxTap, bridged])]);
    const { family, dropped, packets } = row(result, 'nf-forward');
    assert.deepEqual({ family, dropped, packets }, { family: 'bridge', dropped: 1, packets: undefined });
  });

  it('in such a hook belong to its chain where it is the only one', () => {
    const [one, other] = ['one', 'other'].map((name, at) =>
      chainOf(`bridge filter/${name}`, at, { hook: 'forward' }),
    ) as [BaseChain, BaseChain];
    for (const chains of [[one], [one, other]]) {
      bridgeChains.splice(0, Number.POSITIVE_INFINITY, ...chains);
      const result = compared([journeyOf([rxTap, bridged])]);
      assert.equal(row(result, 'nf-forward').dropped, 1);
      assert.equal(
        result.stages.some(({ chain }) => chain?.chain === 'one'),
        chains.length === 1,
      );
    }
    bridgeChains.splice(0);
  });

  it('without a word of the kernel belong to the chain that the packet did not come out of', () => {
    const result = compared([journeyOf([rxTap, ...passed(input, {}, 1), undecided])]);
    assert.equal(row(result, 'nf-input', 'in').dropped, 1);
  });

  it('of the clone that a tap was given are not the packet’s', () => {
    const branches = [{ kind: 'packet' }, { kind: 'tap-clone', from: 0 }] as const;
    const events: Event[] = [
      ...passed(output),
      { ...txTap, branch: 1 },
      { ...noSocket, branch: 1 },
      { ...consumed, branch: 0 },
    ];
    const result = compared([journeyOf(events, { branches })]);
    assert.equal(result.dropped, 0);
    assert.equal(result.findings[0]?.kind, 'tap-full');
    assert.equal(row(result, 'consume').packets, 1);
  });

  it('by generic XDP come before the tap, which then did not see the packet', () => {
    const passedOn = times(2, [rxTap, ...passed(input), consumed]);
    const result = compared([...times(3, [rxTap, byXdp]), ...passedOn]);
    assert.deepEqual([row(result, 'rx-tap').packets, row(result, 'rx-tap').bytes], [2, 2 * frameBytes]);
    assert.equal(row(result, 'drop').dropped, 3);
  });

  it('after a packet was flooded belong to the branch that died', () => {
    const branches = [{ kind: 'packet' }, { kind: 'clone', from: 0 }] as const;
    const forward: Hook = { stage: 'nf-forward', groups: [[second]] };
    const events: Event[] = [
      rxTap,
      ...passed(forward, { branch: 1 }, 0),
      { ...filtered, branch: 1 },
      ...passed(forward, { branch: 0 }),
      consumed,
    ];
    const result = compared([journeyOf(events, { branches })]);
    assert.equal(row(result, 'nf-forward').packets, 2);
    assert.equal(row(result, 'nf-forward', 'in').dropped, 1);
    assert.equal(row(result, 'nf-forward', 'in').afterTapNs?.median !== undefined, true);
  });
});

describe('rewriting', () => {
  const there = { ...flow, dport: 8080 };

  it('belongs to the chain between two brackets, and to its hook once', () => {
    const [before, after] = passed(prerouting);
    const result = compared(
      times(8, [rxTap, before!, { ...after!, flow: there }, ...passed(input, { flow: there })]),
    );
    assert.equal(row(result, 'nf-prerouting', 'PREROUTING').rewritten, 8);
    assert.equal(row(result, 'nf-prerouting').rewritten, 8);
    assert.equal(row(result, 'nf-input').rewritten, 0);
  });

  it('is told from a mark', () => {
    const [before, after] = passed(prerouting);
    const result = compared([
      journeyOf([
        { ...rxTap, mark: 0 },
        { ...before!, mark: 0 },
        { ...after!, mark: 7 },
      ]),
    ]);
    const { rewritten, marked } = row(result, 'nf-prerouting', 'PREROUTING');
    assert.deepEqual({ rewritten, marked }, { rewritten: 0, marked: 1 });
  });

  it('is not what a change of namespace does to a mark', () => {
    const result = compared([journeyOf([{ ...txTap, mark: 7 }, { ...rxTap, netns: 2, mark: 0 }, consumed])]);
    assert.ok(result.stages.every(({ marked }) => marked === 0));
  });

  it('in a hook without brackets shows at the next place', () => {
    const hook: Event = { stage: 'nf-prerouting', family: 2 };
    const result = compared([journeyOf([rxTap, hook, { stage: 'nf-input', family: 2, flow: there }])]);
    assert.equal(row(result, 'nf-prerouting').rewritten, 1);
    assert.equal(row(result, 'nf-input').rewritten, 0);
  });
});

describe('queues', () => {
  const [before, after] = passed(prerouting);

  it('are proven by another task going on with the packet', () => {
    const events = [rxTap, { ...before!, pid: 0 }, { ...after!, pid: 812 }, consumed];
    assert.equal(row(compared([journeyOf(events)]), 'nf-prerouting', 'PREROUTING').queued, 1);
  });

  it('are not assumed where the same task goes on', () => {
    const events = [{ ...before!, pid: 812 }, { ...after!, pid: 812 }, consumed];
    assert.equal(row(compared([journeyOf(events)]), 'nf-prerouting', 'PREROUTING').queued, 0);
  });

  it('without a way back may be thieves', () => {
    const result = compared([journeyOf([rxTap, before!], { closed: 'idle' })]);
    assert.equal(row(result, 'nf-prerouting', 'PREROUTING').stolenOrQueued, 1);
    assert.equal(result.findings[0]?.kind, 'stolen-or-queued');
  });

  it('show where only the whole hook is watched', () => {
    const hook: Event = { stage: 'nf-input', family: 2, pid: 0, verdict: 0 };
    const result = compared([journeyOf([rxTap, hook, { stage: 'sock-queue', pid: 812 }, consumed])]);
    assert.equal(row(result, 'nf-input').queued, 1);
  });
});

describe('the order of rows', () => {
  it('is that of the path, chains by priority below their hook, namespaces as packets came to them', () => {
    const there: Hook = { ...input, netns: 2 };
    const result = compared([
      journeyOf([...passed(output), txTap, { ...rxTap, netns: 2, ifindex: 3 }, ...passed(there), consumed]),
    ]);
    const order = result.stages.map(
      ({ stage, chain, device, netns }) => `${netns} ${stage} ${chain?.chain ?? device ?? ''}`,
    );
    assert.deepEqual(order, [
      '1 nf-output ',
      '1 nf-output OUTPUT',
      '1 tx-tap vA',
      '1 consume ',
      '2 rx-tap vB',
      '2 nf-input ',
      '2 nf-input early',
      '2 nf-input in',
    ]);
  });
});
