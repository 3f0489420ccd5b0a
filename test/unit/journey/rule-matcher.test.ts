/** Rules that nft told of, given to the packets that met them: by content, hook and time, and to none where that fits several. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Journey } from '../../../src/journey/journey.js';
import { RuleMatcher } from '../../../src/journey/rule-matcher.js';
import { StepReader } from '../../../src/journey/step.js';
import type { RuleTrace } from '../../../src/netfilter/rule-trace.js';
import type { StageId } from '../../../src/stages/types.js';
import { bare, brackets, chain, journeyOf, sight } from '../explain/journeys.js';

/** Of journeyOf(), at 0 µs. */
const startNs = 12_345_123_456_789;
const inet = { family: 'inet', table: 'filter' } as const;
const input = chain('in', 0, inet);
const later = chain('later', 10, inet);
const hook = brackets('nf-input', [input, later]);

interface At {
  readonly us?: number;
  readonly skb?: number;
  readonly data?: Uint8Array;
  readonly stage?: StageId;
  readonly positions?: typeof hook;
  readonly end?: boolean;
}

/** A packet through all brackets of a hook, 2 µs apart, and to its end. */
function packet({ us = 0, skb = 1, data = bare(), stage = 'nf-input', positions = hook }: At = {}): Journey {
  const address = { skb: 0xffff888000000000n + BigInt(skb), nfFamily: 2, link: 1 };
  return journeyOf([
    ...positions.map((position, index) =>
      sight(stage, { data, hook: position, us: us + index * 2, has: ['hook'], fields: address }),
    ),
    sight('consume', { data, us: us + 100, fields: address }),
  ]);
}

let ids = 0;

/** What nft tells of a packet in one chain. */
function run(verdict: string, changes: Partial<RuleTrace> = {}, data = bare()): RuleTrace[] {
  ids += 1;
  const common = { ...inet, chain: 'in', hook: 'input', id: ids, nfproto: 2, goesOut: false };
  const headers = { network: data.slice(0, 20), transport: data.slice(20, 40) };
  return [{ ...common, ...headers, kind: 'rule', handle: 4, verdict, text: `udp ${verdict}`, ...changes }];
}

class Scene {
  readonly rules = new RuleMatcher();
  private readonly reader = new StepReader();

  /** Read between these times. */
  told(fromUs: number, toUs: number, ...messages: readonly RuleTrace[][]): this {
    const times = { fromNs: startNs + fromUs * 1000, toNs: startNs + toUs * 1000 };
    this.rules.take({ netnsInum: 1, ...times, lost: 0, messages: messages.flat() });
    return this;
  }

  seen(...journeys: readonly Journey[]): this {
    const steps = journeys.flatMap((journey) => journey.steps).sort((a, b) => a.atNs - b.atNs);
    for (const step of steps) this.rules.see(this.reader.open(step));
    return this;
  }

  /** Verdicts by step, once the journey has ended. */
  ended(journey: Journey): (string | undefined)[] {
    this.rules.match(journey);
    return journey.steps.map(({ rules }) =>
      rules?.map(({ chain: name, verdict }) => `${name} ${verdict}`).join(),
    );
  }

  get ambiguous(): number {
    return this.rules.counts!.ambiguous;
  }
}

const none = [undefined, undefined, undefined, undefined];

describe('rules of a packet', () => {
  it('stand at the bracket in front of their chain', () => {
    const one = packet();
    const scene = new Scene().told(-1, 50, run('accept'), run('drop', { chain: 'later' })).seen(one);
    assert.deepEqual(scene.ended(one), ['in accept', 'later drop', undefined, undefined]);
    const { rules } = one.steps[0]!;
    assert.deepEqual(rules, [{ ...inet, chain: 'in', handle: 4, verdict: 'accept', text: 'udp accept' }]);
  });

  it('that came before the hook or after it are of another packet', () => {
    for (const [from, to] of [
      [-50, -1],
      [3, 50],
    ] as const) {
      const one = packet({ positions: brackets('nf-input', [input]) });
      assert.deepEqual(new Scene().told(from, to, run('drop')).seen(one).ended(one), none.slice(1));
    }
  });

  it('of other bytes are of another packet', () => {
    const others = [bare({ id: 2 }), bare({}, 1001), bare({ ttl: 63 }), bare({ dst: '10.0.0.3' })];
    for (const data of others) {
      const one = packet();
      assert.deepEqual(
        new Scene()
          .told(-1, 50, run('drop', {}, data))
          .seen(one)
          .ended(one),
        none,
      );
    }
  });

  it('of another hook, chain, family or namespace are of another packet', () => {
    const changes: Partial<RuleTrace>[] = [
      { hook: 'prerouting' },
      { chain: 'elsewhere' },
      { table: 'other' },
      { family: 'ip' },
      { nfproto: 10 },
      { goesOut: true },
    ];
    for (const change of changes) {
      const one = packet();
      assert.deepEqual(new Scene().told(-1, 50, run('drop', change)).seen(one).ended(one), none);
    }
    const one = packet();
    const scene = new Scene();
    scene.rules.take({ netnsInum: 2, fromNs: startNs, toNs: startNs + 9e3, lost: 0, messages: run('drop') });
    assert.deepEqual(scene.seen(one).ended(one), none);
  });

  it('of a chain that a base chain calls are at a base chain of its table', () => {
    const one = packet({ positions: brackets('nf-input', [chain('INPUT', -10), input]) });
    const [called] = run('drop', { chain: 'tr' });
    const { hook: _, ...message } = called!;
    assert.deepEqual(new Scene().told(-1, 50, [message]).seen(one).ended(one), [
      undefined,
      'tr drop',
      undefined,
      undefined,
    ]);
  });

  it('are found where only the hook as a whole is watched', () => {
    const data = bare();
    const fields = { nfFamily: 2, link: 1 };
    const one = journeyOf([
      sight('nf-input', { data, has: ['hook'], fields }),
      sight('consume', { data, fields, us: 9 }),
    ]);
    const scene = new Scene().told(-1, 50, run('continue'), run('drop', { chain: 'later' })).seen(one);
    assert.deepEqual(scene.ended(one), ['in continue,later drop', undefined]);
  });

  it('are not known where too little of the packet was captured', () => {
    const data = bare();
    const one = journeyOf([
      sight('nf-input', {
        data: data.subarray(0, 30),
        hook: hook[0]!,
        has: ['hook'],
        fields: { nfFamily: 2, link: 1, len: data.length },
      }),
    ]);
    assert.deepEqual(new Scene().told(-1, 50, run('drop')).seen(one).ended(one), [undefined]);
  });
});

describe('packets that are alike', () => {
  const [first, second] = [
    { us: 0, skb: 1 },
    { us: 10, skb: 2 },
  ];

  it('each have the rules that all of them met', () => {
    const both = [packet(first), packet(second)];
    const scene = new Scene().told(-1, 50, run('drop'), run('drop')).seen(...both);
    for (const one of both) assert.equal(scene.ended(one)[0], 'in drop');
    assert.equal(scene.ambiguous, 0);
  });

  it('have none where one of them was not traced, or met others: that is counted', () => {
    for (const runs of [[run('drop')], [run('drop'), run('accept')]]) {
      const both = [packet(first), packet(second)];
      const scene = new Scene().told(-1, 50, ...runs).seen(...both);
      for (const one of both) assert.deepEqual(scene.ended(one), none);
      assert.equal(scene.ambiguous, 2);
    }
  });

  it('are told apart where they were read apart', () => {
    const both = [packet(first), packet(second)];
    const scene = new Scene()
      .told(-1, 5, run('drop'))
      .told(5, 50, run('accept'))
      .seen(...both);
    assert.deepEqual(
      both.map((one) => scene.ended(one)[0]),
      ['in drop', 'in accept'],
    );
  });

  it('are told apart by the time that the other one was somewhere else again', () => {
    const both = [packet(first), packet(second)];
    const scene = new Scene().told(6, 50, run('accept')).seen(...both);
    assert.deepEqual(
      both.map((one) => scene.ended(one)[0]),
      [undefined, 'in accept'],
    );
    assert.equal(scene.ambiguous, 0);
  });
});

describe('what came of the messages', () => {
  it('is nothing where nft told nothing', () => assert.equal(new RuleMatcher().counts, undefined));

  it('is counted', () => {
    const scene = new Scene().told(-1, 5, run('drop'));
    scene.rules.take({ netnsInum: 1, fromNs: 0, toNs: 1, lost: 3, messages: [] });
    assert.deepEqual(scene.rules.counts, { messages: 1, lost: 3, ambiguous: 0 });
  });
});
