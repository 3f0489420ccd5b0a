/** Brackets in every namespace, kept in step with rulesets that change, and records found in them. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { nfproto } from '../../../src/netfilter/hooks.js';
import type { Netns } from '../../../src/system/netns.js';
import { chainNotes } from '../../../src/trace/chain-notes.js';
import { type HookGap, NetfilterKeeper } from '../../../src/trace/netfilter-keeper.js';
import { v612 } from '../attach/kernels.js';
import { plan } from '../attach/requests.js';
import { chain } from '../netfilter/chains.js';
import { nativeError } from '../support/kernel-that-refuses.js';
import { elsewhere, here } from '../support/machine.js';
import { netfilterMachine } from '../support/netfilter.js';
import { recordView } from '../support/records.js';

const inputHook = 1;

interface Place {
  readonly netns: string | null;
  readonly slot: number;
  readonly family: number;
  readonly hook: number;
  readonly priority: number;
}

/** A machine whose iptables-legacy tables, namespaces and clock the test changes. */
class Machine {
  tables: Record<string, string> = {};
  namespaces: Netns[] = [here];
  now = 1_000_000_000n;
  failure: string | undefined;
  readonly open = new Map<number, Place>();
  readonly gaps: HookGap[] = [];
  readonly notices: string[] = [];
  private opened = 0;
  readonly keeper: NetfilterKeeper;

  constructor(stages = 'nf-input') {
    const native = {
      ...netfilterMachine(),
      btfFunction: () => null,
      clocks: () => ({ bootNs: this.now, wallNs: 0n }),
      readFile: (netns: string | null, path: string) => {
        if (this.failure) throw nativeError('read', this.failure);
        return netfilterMachine(this.tables).readFile(netns, path);
      },
    };
    const session = {
      openHookLink: (slot: number, netns: string | null, place: Omit<Place, 'netns' | 'slot'>) => {
        this.open.set(++this.opened, { netns, slot, ...place });
        return this.opened;
      },
      closeHookLink: (link: number) => void this.open.delete(link),
    };
    const machine = this;
    const devices = {
      get netns() {
        return machine.namespaces;
      },
    };
    this.keeper = new NetfilterKeeper(native, session, devices, plan(stages, v612).attachments);
  }

  start(): this {
    mock.timers.enable({ apis: ['setInterval'] });
    this.keeper.start({ notice: (text) => this.notices.push(text), gap: (gap) => this.gaps.push(gap) });
    return this;
  }

  later(): void {
    this.now += 250_000_000n;
    mock.timers.tick(250);
  }

  stop(): void {
    this.keeper.stop();
    mock.timers.reset();
  }

  priorities(family: number, netns: string | null = null): number[] {
    return [...this.open.values()]
      .filter((place) => place.family === family && place.netns === netns)
      .map(({ priority }) => priority)
      .sort((a, b) => a - b);
  }

  positionAt(timeNs: bigint, slot: number, netnsInum = here.inum) {
    const fields = { netnsInum, nfFamily: nfproto.ip, nfHook: inputHook, aux: slot, timeNs };
    return this.keeper.positionOf(recordView({ fields, has: ['netns', 'hook', 'aux'] }));
  }
}

const ends = [-(2 ** 31) + 1, 2 ** 31 - 2] as const;

function running(body: (machine: Machine) => void, machine = new Machine()): void {
  try {
    body(machine);
  } finally {
    machine.stop();
  }
}

test('each family of a hook is bracketed by its own chains', () =>
  running((machine) => {
    machine.tables = { ip_tables_names: 'filter\n' };
    machine.start();
    assert.deepEqual(machine.priorities(nfproto.ip), [ends[0], -1, 1, ends[1]]);
    assert.deepEqual(machine.priorities(nfproto.ip6), [...ends]);
    const position = machine.positionAt(machine.now, 2);
    assert.equal(position?.before[0]?.chain, 'INPUT');
    assert.deepEqual([position?.index, position?.count, position?.stage], [2, 4, 'nf-input']);
  }));

test('only the hooks that links watch get any', () =>
  running((machine) => {
    machine.start();
    assert.deepEqual([...new Set([...machine.open.values()].map(({ hook }) => hook))], [3]);
  }, new Machine('nf-output')));

test('a plan without links attaches nothing', () =>
  running((machine) => {
    assert.equal(machine.keeper.isNeeded, false);
    machine.start();
    assert.equal(machine.open.size, 0);
  }, new Machine('taps')));

test('a ruleset that changes is bracketed anew; the time in between is told, and events find their own brackets', () =>
  running((machine) => {
    machine.start();
    const before = machine.now;
    machine.later();
    assert.equal(machine.gaps.length, 0);
    machine.tables = { ip_tables_names: 'filter\n' };
    machine.later();
    assert.deepEqual(machine.priorities(nfproto.ip), [ends[0], -1, 1, ends[1]]);
    const [gap, ...others] = machine.gaps;
    assert.equal(others.length, 0);
    assert.equal(gap!.netnsInum, here.inum);
    assert.deepEqual([gap!.fromNs, gap!.toNs], [before + 250_000_000n, before + 500_000_000n]);
    assert.match(gap!.text, /^the base chains of this namespace changed/);
    assert.deepEqual(
      [machine.positionAt(before, 1)?.count, machine.positionAt(machine.now, 1)?.count],
      [2, 4],
    );
    machine.later();
    assert.equal(machine.gaps.length, 1);
  }));

test('namespaces that come are bracketed, those that go are let go', () =>
  running((machine) => {
    machine.start();
    machine.namespaces = [here, elsewhere];
    machine.later();
    assert.deepEqual(machine.priorities(nfproto.ip, elsewhere.path), [...ends]);
    assert.equal(machine.positionAt(machine.now, 1, elsewhere.inum)?.netnsInum, elsewhere.inum);
    machine.namespaces = [here];
    machine.later();
    assert.deepEqual(machine.priorities(nfproto.ip, elsewhere.path), []);
    assert.deepEqual(machine.priorities(nfproto.ip), [...ends]);
  }));

test('a namespace that is gone before it could be looked at is no failure', () =>
  running((machine) => {
    machine.failure = 'EINVAL';
    machine.start();
    assert.equal(machine.open.size, 0);
    assert.deepEqual(machine.notices, []);
  }));

test('rights that went missing are told once, and what stands goes on', () =>
  running((machine) => {
    machine.start();
    machine.failure = 'EPERM';
    machine.later();
    machine.later();
    assert.equal(machine.notices.length, 1);
    assert.match(machine.notices[0]!, /this namespace can no longer be followed.*EPERM/);
    assert.equal(machine.positionAt(machine.now, 1)?.count, 2);
  }));

test('a record of no link of ours has no position', () =>
  running((machine) => {
    machine.start();
    assert.equal(machine.positionAt(machine.now, 9), undefined);
    assert.equal(machine.positionAt(machine.now, 0, 1), undefined);
  }));

const input = { number: 1, name: 'input', stage: 'nf-input' } as const;
const output = { number: 3, name: 'output', stage: 'nf-output' } as const;

test('the header tells what there was at the hooks', () => {
  const chains = [chain('late', 10), chain('early', -10), chain('other', 0, { family: 'arp' })];
  const inventories = [
    { netns: here, chains, notes: ['something is hidden'] },
    { netns: elsewhere, chains: [], notes: ['something is hidden'] },
  ];
  assert.deepEqual(chainNotes(inventories, [input, output]), [
    'netfilter in own: input: inet filter/early (-10), inet filter/late (10); no chain at output',
    'something is hidden',
    'netfilter in blue: no chain at input, output',
  ]);
  assert.deepEqual(chainNotes([], []), []);
});
