/** Findings: the sentences, each with its number. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Comparison } from '../../../src/compare/comparison.js';
import type { Journey } from '../../../src/journey/journey.js';
import type { Ledger } from '../../../src/trace/ledger.js';
import { noLoss } from '../render/header.js';
import {
  byXdp,
  chainOf,
  compared,
  consumed,
  type Event,
  filtered,
  flow,
  type Hook,
  journeyOf,
  names,
  noSocket,
  passed,
  rxTap,
  times,
  txTap,
} from './journeys.js';

const vB: Event = { ...rxTap, ifindex: 3 };
const input: Hook = { stage: 'nf-input', groups: [[chainOf('inet filter/in')]] };
const output: Hook = { stage: 'nf-output', groups: [[chainOf('ip filter/OUTPUT')]] };
const prerouting: Hook = { stage: 'nf-prerouting', groups: [[chainOf('ip nat/PREROUTING', -100)]] };
const postrouting: Hook = { stage: 'nf-postrouting', groups: [[chainOf('ip nat/POSTROUTING', 100)]] };

const sentences = (journeys: readonly Journey[], ledger?: Ledger): string[] =>
  compared(journeys, ledger).findings.map(({ text }) => text);

const dropAfter = (atNs: number): Event[] => [
  { ...vB, atNs: 0 },
  { ...passed(input, {}, 0)[0]!, atNs: 900 },
  { ...filtered, atNs },
];

describe('findings say', () => {
  it('which chain dropped what tcpdump shows, and how long after', () => {
    const journeys = [...times(12, dropAfter(3100)), ...times(28, [vB, ...passed(input), consumed])];
    const result = compared(journeys);
    assert.equal(
      result.findings[0]?.text,
      '12 of 40 packets that tcpdump shows on vB were dropped at inet filter/in (nf-input, priority 0), 3.1 µs after the tap.',
    );
    const { packets, stage, kind, chain, tap } = result.findings[0]!;
    assert.deepEqual({ packets, stage, kind }, { packets: 12, stage: 'nf-input', kind: 'dropped' });
    assert.deepEqual(
      [chain?.family, chain?.table, chain?.chain, chain?.priority],
      ['inet', 'filter', 'in', 0],
    );
    assert.deepEqual(tap, { stage: 'rx-tap', netns: 1, device: 'vB', packets: 40 });
  });

  it('by which rule, where nft told; packets of which it did not tell are told apart', () => {
    const rule = {
      family: 'inet',
      table: 'filter',
      chain: 'in',
      handle: 4,
      text: 'udp drop',
      verdict: 'drop',
    } as const;
    const byRule = times(3, dropAfter(3100)).map((journey) => {
      journey.steps.find(({ stage }) => stage.group === 'netfilter')!.rules = [
        { ...rule, handle: 3, verdict: 'continue' },
        rule,
      ];
      return journey;
    });
    const { findings, stages } = compared([...byRule, ...times(2, dropAfter(3100))]);
    assert.deepEqual(
      findings.map(({ text, packets, rule: by }) => [text, packets, by]),
      [
        [
          '3 of 5 packets that tcpdump shows on vB were dropped at inet filter/in (nf-input, priority 0) by rule handle 4 (udp drop), 3.1 µs after the tap.',
          3,
          rule,
        ],
        [
          '2 of 5 packets that tcpdump shows on vB were dropped at inet filter/in (nf-input, priority 0), 3.1 µs after the tap.',
          2,
          undefined,
        ],
      ],
    );
    assert.deepEqual(
      stages.flatMap(({ rules = [], dropped }) => rules.map(({ packets }) => [dropped, packets])),
      [[5, 3]],
    );
  });

  it('that NAT rewrote what the tap had seen', () => {
    const there = { ...flow, dport: 8080 };
    const [before, after] = passed(prerouting);
    const journeys = times(8, [
      vB,
      before!,
      { ...after!, flow: there },
      ...passed(input, { flow: there }),
      consumed,
    ]);
    assert.deepEqual(sentences(journeys), [
      '8 packets were seen at the tap on vB with destination 10.0.0.2:80 and at nf-input with 10.0.0.2:8080: rewritten in ip nat/PREROUTING.',
    ]);
  });

  it('the address alone where the port stayed', () => {
    const masqueraded = { ...flow, src: '192.0.2.1' };
    const [before, after] = passed(postrouting);
    const journeys = times(3, [
      ...passed(output),
      before!,
      { ...after!, flow: masqueraded },
      { ...txTap, flow: masqueraded },
      consumed,
    ]);
    assert.deepEqual(sentences(journeys), [
      '3 packets were seen at nf-output with source 10.0.0.1 and at the tap on vA with 192.0.2.1: rewritten in ip nat/POSTROUTING.',
    ]);
  });

  it('that the kernel itself rewrote, where no chain was between', () => {
    const bare: Hook = { stage: 'nf-input', groups: [[]] };
    const [before, after] = passed(bare);
    assert.deepEqual(sentences([journeyOf([vB, before!, { ...after!, flow: { ...flow, sport: 1449 } }])]), [
      '1 packet had the source 10.0.0.1:40000 and left with 10.0.0.1:1449: rewritten in nf-input by the kernel (NAT), in none of its chains.',
    ]);
  });

  it('why tcpdump cannot show what never reached the TX tap', () => {
    assert.deepEqual(sentences(times(5, [...passed(output, {}, 0), filtered])), [
      '5 packets entered nf-output and never reached the TX tap: dropped in ip filter/OUTPUT, so tcpdump cannot show them.',
    ]);
    assert.deepEqual(sentences([journeyOf([...passed(output), ...passed(postrouting, {}, 0), filtered])]), [
      '1 packet left nf-output and never reached the TX tap: dropped in ip nat/POSTROUTING, so tcpdump cannot show it.',
    ]);
  });

  it('what the stack dropped, why and where', () => {
    assert.deepEqual(
      sentences([
        journeyOf([
          { ...vB, atNs: 0 },
          { ...noSocket, atNs: 6000 },
        ]),
      ]),
      [
        '1 of 1 packet that tcpdump shows on vB was dropped in __udp4_lib_rcv (NO_SOCKET: nobody listens there), 6.0 µs after the tap.',
      ],
    );
  });

  it('that generic XDP was before the tap', () => {
    assert.deepEqual(sentences(times(2, [vB, byXdp])), [
      '2 packets were dropped by generic XDP on vB, before the tap: tcpdump does not show them.',
    ]);
  });

  it('that tcpdump would show what nobody tapped', () => {
    assert.deepEqual(sentences(times(2, [{ ...vB, armed: false }, consumed])), [
      '2 packets came in on vB while nobody tapped it: tcpdump would have shown them.',
    ]);
  });

  it('several chains together where nothing fits between them', () => {
    const two: Hook = { stage: 'nf-input', groups: [[chainOf('inet a/x', 0), chainOf('ip b/y', 1)]] };
    const { findings } = compared(times(2, [vB, ...passed(two, {}, 0), { ...filtered, atNs: 2000 }]));
    assert.match(findings[0]!.text, /dropped at inet a\/x or ip b\/y \(nf-input, priorities 0 and 1\)/);
    assert.equal(findings[0]!.chain, undefined);
    assert.equal(findings[0]!.chains?.length, 2);
  });

  it('where a queue held packets, and how long', () => {
    const [before, after] = passed(prerouting);
    const journeys = times(2, [
      vB,
      { ...before!, pid: 0, atNs: 100 },
      { ...after!, pid: 812, atNs: 2_000_100 },
      consumed,
    ]);
    assert.match(
      sentences(journeys)[0]!,
      /^2 packets were queued to user space at ip nat\/PREROUTING \(nf-prerouting, priority -100\) and came back after 2.0 ms\.$/,
    );
  });

  it('that a packet which did not come out was stolen or queued, or that its events were lost', () => {
    const journeys = [journeyOf([vB, ...passed(input, {}, 0)], { closed: 'idle' })];
    assert.deepEqual(sentences(journeys), [
      '1 packet entered inet filter/in (nf-input, priority 0) and did not come out: stolen or queued.',
    ]);
    const ledger: Ledger = { ...noLoss, lost: { ring: 3, recursion: 0, user: 0 }, complete: false };
    assert.match(sentences(journeys, ledger)[0]!, /stolen or queued, or events of them were lost\.$/);
  });

  it('which packets passed netfilter by, where there are hooks at all', () => {
    const bridged: Event[] = [{ ...rxTap, ifindex: 2 }, { ...txTap, ifindex: 3 }, consumed];
    assert.deepEqual(sentences([journeyOf(bridged)]), []);
    const hooked = [journeyOf([...passed(input), consumed]), journeyOf(bridged)];
    assert.deepEqual(sentences(hooked), [
      '1 packet went from the tap on vA to the tap on vB past every netfilter hook: redirected by tc, or by nft (fwd, or a flowtable).',
    ]);
  });

  it('that a bridge passed them on, where both devices are its ports', () => {
    const bridged: Event[] = [{ ...rxTap, ifindex: 4 }, { ...txTap, ifindex: 5 }, consumed];
    assert.deepEqual(sentences([journeyOf([...passed(input), consumed]), journeyOf(bridged)]), [
      '1 packet went from the tap on if4 to the tap on if5 past every netfilter hook: bridged.',
    ]);
  });

  it('which packets a device sent out of what is watched', () => {
    const forwarded: Event[] = [rxTap, ...passed({ ...input, stage: 'nf-forward' }), txTap];
    const { findings, withoutEnd } = compared([journeyOf(forwarded, { closed: 'idle' })]);
    assert.deepEqual(
      [findings.map(({ kind, text }) => [kind, text]), withoutEnd],
      [[['left', '1 packet was sent out by vA and not seen again.']], 0],
    );
  });

  it('that tc redirected them, where its verdict was seen', () => {
    const tc: Event = { stage: 'tc-ingress', ifindex: 2, verdict: 7 };
    const redirected: Event[] = [{ ...rxTap, ifindex: 2 }, tc, { ...txTap, ifindex: 3 }, consumed];
    assert.deepEqual(sentences([journeyOf([...passed(input), consumed]), journeyOf(redirected)]), [
      '1 packet went from the tap on vA to the tap on vB past every netfilter hook: redirected by tc.',
    ]);
  });

  it('the namespace where there are several', () => {
    const there: Hook = { ...input, netns: 2 };
    const journeys = [journeyOf([vB, consumed]), journeyOf([...passed(there, {}, 0), filtered])];
    assert.deepEqual(sentences(journeys), [
      '1 packet was dropped at inet filter/in (nf-input, priority 0) in ns2.',
    ]);
  });

  it('what concerns most packets first', () => {
    const journeys = [...times(1, dropAfter(3000)), ...times(4, [...passed(output, {}, 0), filtered])];
    assert.deepEqual(
      compared(journeys).findings.map(({ packets }) => packets),
      [4, 1],
    );
  });

  it('many translations of one chain in bounded number, and every packet is in one of them', () => {
    const [before, after] = passed(postrouting);
    const journeys = Array.from({ length: 100 }, (_, at) => {
      const out = { ...flow, src: '192.0.2.1', sport: 1024 + at };
      return journeyOf([before!, { ...after!, flow: out }, { ...txTap, flow: out }, consumed]);
    });
    const { findings } = compared(journeys);
    assert.ok(findings.length <= 20, `${findings.length} findings`);
    assert.equal(
      findings.reduce((sum, { packets }) => sum + packets, 0),
      100,
    );
    assert.match(findings[0]!.text, /with other addresses had their source rewritten in ip nat\/POSTROUTING/);
  });
});

describe('XDP: findings say', () => {
  const at = (verdict: number): Event => ({ stage: 'xdp', ifindex: 3, verdict });
  const sent: Event = { ...txTap, ifindex: 2 };
  /** The driver frees what its program did not want (veth). */
  const freed: Event = { stage: 'drop', reason: 2, location: 5n, ifindex: 3 };

  it('what its program took, by verdict', () => {
    const journeys = [
      ...times(4, [sent, at(1), freed]),
      ...times(3, [sent, at(3)]),
      ...times(2, [sent, at(4)]),
      ...times(1, [sent, at(0)]),
      ...times(5, [sent, at(2), vB, consumed]),
    ];
    const result = compared(journeys);
    assert.deepEqual(
      result.findings.map(({ text }) => text),
      [
        '4 frames were dropped by the XDP program (id 12, guard) on vB before any tap there: tcpdump on vB cannot show them.',
        '3 frames were sent back by the XDP program (id 12, guard) on vB before any tap there: tcpdump on vB cannot show them.',
        '2 frames were redirected by the XDP program (id 12, guard) on vB before any tap there: tcpdump on vB cannot show them.',
        '1 frame was dropped with an error by the XDP program (id 12, guard) on vB before any tap there: tcpdump on vB cannot show it.',
      ],
    );
    const row = result.stages.find(({ stage }) => stage === 'xdp');
    assert.deepEqual([row?.packets, row?.dropped, result.dropped], [15, 5, 5]);
    assert.ok(!result.stages.some(({ stage }) => stage === 'drop'), 'no drop is counted twice');
  });

  it('by the drops of its driver, and by what the driver counted beyond them', () => {
    const comparison = new Comparison(names);
    for (const journey of times(4, [sent, freed])) comparison.journey(journey);
    const program = { id: 12, name: 'guard' };
    const where = { stage: 'xdp', netns: 1, ifindex: 3, ifname: 'vB', program } as const;
    comparison.xdp.counted([{ ...where, frames: { drop: 10, tx: 0 } }]);
    const groups = comparison.groups.all.map(({ kind, packets }) => [kind, packets]);
    assert.deepEqual(groups, [['dropped-by-xdp', 10]]);
    assert.equal(comparison.places.all.find(({ place }) => place.stage === 'xdp')?.dropped, 10);
  });
});
