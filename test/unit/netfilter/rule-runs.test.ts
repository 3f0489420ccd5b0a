/** Messages put together to one packet's way through one base chain. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { baseOf, type RuleRun, RuleRuns } from '../../../src/netfilter/rule-runs.js';
import type { RuleTrace } from '../../../src/netfilter/rule-trace.js';

const headers = { network: Uint8Array.of(0x45), transport: Uint8Array.of(1) };

const trace = (id: number, changes: Partial<RuleTrace> = {}): RuleTrace => ({
  ...{ family: 'inet', table: 'filter', chain: 'in', kind: 'rule', id, nfproto: 2, goesOut: false },
  ...{ handle: 1, verdict: 'continue', hook: 'input' },
  ...changes,
});

class Assembly {
  readonly begun: RuleRun[] = [];
  readonly runs = new RuleRuns((run) => this.begun.push(run));

  take(messages: readonly RuleTrace[], lost = 0, netnsInum = 1): this {
    this.runs.take({ netnsInum, fromNs: 1, toNs: 2, lost, messages });
    return this;
  }

  get told(): string[] {
    return this.begun.map(({ messages }) => messages.map(({ verdict }) => verdict).join(' '));
  }
}

describe('runs of a packet through a base chain', () => {
  it('begin with the headers and end with a decision', () => {
    const assembly = new Assembly().take([
      trace(7, headers),
      trace(7, { verdict: 'accept' }),
      trace(7, { ...headers, verdict: 'drop' }),
    ]);
    assert.deepEqual(assembly.told, ['continue accept', 'drop']);
    assert.equal(assembly.runs.lost, 0);
  });

  it('are told apart by the id where CPUs mix them, and by the namespace', () => {
    const assembly = new Assembly()
      .take([
        trace(7, headers),
        trace(8, headers),
        trace(7, { verdict: 'drop' }),
        trace(8, { verdict: 'accept' }),
      ])
      .take([trace(7, headers)], 0, 2)
      .take([trace(7, { verdict: 'return' })], 0, 2);
    assert.deepEqual(assembly.told, ['continue drop', 'continue accept', 'continue return']);
    assert.deepEqual(
      assembly.begun.map(({ netnsInum }) => netnsInum),
      [1, 1, 2],
    );
  });

  it('go on in the next reading', () => {
    const assembly = new Assembly().take([trace(7, headers)]).take([trace(7, { verdict: 'jump tr' })]);
    assert.deepEqual(assembly.take([trace(7, { chain: 'tr', verdict: 'drop' })]).told, [
      'continue jump tr drop',
    ]);
  });

  it('begin anew with new headers: the id is another packet', () => {
    const assembly = new Assembly().take([
      trace(7, headers),
      trace(7, headers),
      trace(7, { verdict: 'drop' }),
    ]);
    assert.deepEqual(assembly.told, ['continue', 'continue drop']);
  });

  it('have no beginning where it was lost: what is left of them is counted', () => {
    const assembly = new Assembly().take([trace(7), trace(7, { verdict: 'drop' })]);
    assert.deepEqual([assembly.told, assembly.runs.lost], [[], 2]);
  });

  it('that are open when messages are lost are forgotten, those of other namespaces are not', () => {
    const assembly = new Assembly()
      .take([trace(7, headers), trace(8, { ...headers, verdict: 'accept' })])
      .take([trace(9, headers)], 0, 2)
      .take([], 5)
      .take([trace(7, { verdict: 'drop' })])
      .take([trace(9, { verdict: 'drop' })], 0, 2);
    assert.deepEqual(assembly.told, ['', 'accept', 'continue drop']);
    // Five that found no room, and both of the run that they were part of.
    assert.equal(assembly.runs.lost, 7);
  });

  it('name their base chain as soon as it tells something', () => {
    const { hook: _, ...called } = trace(7, { ...headers, chain: 'tr' });
    const assembly = new Assembly().take([called]);
    assert.equal(baseOf(assembly.begun[0]!), undefined);
    assembly.take([trace(7, { kind: 'policy', verdict: 'accept' })]);
    assert.equal(baseOf(assembly.begun[0]!)?.chain, 'in');
  });
});
