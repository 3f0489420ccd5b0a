/** The table and the sentences of a comparison, as people see them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { comparisonJson } from '../../../src/render/compare-json.js';
import { comparisonLines, progressText } from '../../../src/render/compare-text.js';
import {
  chainOf,
  compared,
  consumed,
  filtered,
  type Hook,
  journeyOf,
  passed,
  rxTap,
  times,
  txTap,
} from '../compare/journeys.js';

const chains = [[chainOf('inet filter/early', -10)], [chainOf('inet filter/a_chain_with_a_long_name', 20)]];
const input: Hook = { stage: 'nf-input', groups: chains };
const dropped = times(12, [rxTap, ...passed(input, {}, 1), { ...filtered, atNs: 3100 }]);
const result = compared([...dropped, ...times(28, [rxTap, ...passed(input), consumed])]);

describe('a comparison as text', () => {
  it('has a row a place in path order, and sentences below', () => {
    assert.deepEqual(comparisonLines(result, Number.POSITIVE_INFINITY), [
      '                                                   packets  bytes  dropped  after tap    99 %',
      'rx-tap    vA                                            40   2480',
      'nf-input                                                40   1920       12     1.0 µs  1.0 µs',
      '          inet filter/early -10                         40   1920              1.0 µs  1.0 µs',
      '          inet filter/a_chain_with_a_long_name 20       40   1920       12     2.0 µs  2.0 µs',
      'consume                                                 28   1736',
      '',
      '- 12 of 40 packets that tcpdump shows on vA were dropped at inet filter/a_chain_with_a_long_name (nf-input, priority 20), 3.1 µs after the tap.',
    ]);
  });

  for (const width of [60, 80, 100, 132])
    it(`fits into ${width} columns`, () => {
      for (const line of comparisonLines(result, width)) assert.ok(line.length <= width, line);
    });

  it('gives up bytes and the 99 %, then the median, before the names of places', () => {
    for (const [width, title] of [
      [64, /packets +dropped +after tap$/],
      [60, /packets +dropped$/],
    ] as const)
      assert.match(comparisonLines(result, width)[0]!, title);
  });

  it('says what rules decided, most packets first, and why not of all', () => {
    const rule = { family: 'inet', table: 'filter', chain: 'early', verdict: 'accept' } as const;
    const accepted = times(3, [rxTap, ...passed(input), consumed]).map((journey, index) => {
      journey.steps[1]!.rules = [
        index === 0 ? { ...rule, chain: 'tr', handle: 4, text: 'udp accept' } : rule,
      ];
      return journey;
    });
    const told = { ...compared(accepted), nftTraces: { messages: 3, lost: 2, ambiguous: 1 } };
    assert.deepEqual(comparisonLines(told, 200).slice(-3), [
      '- nft traced at inet filter/early: accept by its policy: 2 packets; accept by rule handle 4 of inet filter/tr (udp accept): 1 packet.',
      "- 2 messages of nft's tracing lost: the rules of some packets are not shown.",
      '- Rules that nft told of fit several packets that are alike (1 time): they are not shown.',
    ]);
  });

  it('of nothing says so', () => {
    assert.deepEqual(comparisonLines(compared([]), 80), ['no packet was seen']);
  });

  it('says that numbers are lower bounds where events were lost', () => {
    const lossy = { ...result, lostByStage: { 'nf-input': { ring: 12, recursion: null } } };
    assert.match(
      comparisonLines(lossy, 200).at(-1)!,
      /^- Events were lost \(12 at nf-input\): all numbers are lower bounds\.$/,
    );
  });

  it('says which packets it could not follow to their end, and which by a guess', () => {
    const journeys = { ...result.journeys, guessed: 1, partial: 2 };
    const lines = comparisonLines({ ...result, journeys, withoutEnd: 3, stillOpen: 3 }, 200);
    assert.deepEqual(lines.slice(-4), [
      '- 2 packets that were on the way when the run began or ended were left out.',
      '- No end was seen of 3 packets.',
      '- 3 packets had not ended when the run did.',
      '- 1 packet put together by a guess, where addresses and content prove nothing.',
    ]);
  });

  it('names the taps that never ran together', () => {
    const away = { ...rxTap, armed: false, ifindex: 2 };
    const sent = { ...txTap, armed: false, ifindex: 3 };
    const journeys = [journeyOf([away, consumed]), journeyOf([away, sent, consumed])];
    assert.deepEqual(comparisonLines(compared(journeys), 200).slice(-1), [
      '- Nobody tapped vA (2 in) and vB (1 out): tcpdump would have shown these packets.',
    ]);
  });

  it('has one line while it runs', () => {
    assert.equal(progressText(40, 12), '40 packets, 12 dropped …');
  });
});

describe('a comparison as JSON', () => {
  it('is one object with the keys of the contract', () => {
    const json = comparisonJson(result, [{ stage: 'nf-egress', reason: 'no' }]);
    assert.equal(json.type, 'comparison');
    assert.deepEqual(json.notWatched, [{ stage: 'nf-egress', reason: 'no' }]);
    const { stages } = json;
    assert.deepEqual(
      stages.map(({ stage, chain, packets, dropped: lost }) => [stage, chain?.chain, packets, lost]),
      [
        ['rx-tap', undefined, 40, 0],
        ['nf-input', undefined, 40, 12],
        ['nf-input', 'early', 40, 0],
        ['nf-input', 'a_chain_with_a_long_name', 40, 12],
        ['consume', undefined, 28, 0],
      ],
    );
    assert.doesNotMatch(JSON.stringify(json), /undefined|null(?!,"p99")/);
  });
});
