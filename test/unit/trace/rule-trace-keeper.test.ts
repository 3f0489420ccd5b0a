/** Subscriptions in every namespace, and what is read named by the ruleset of that moment. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import type { Heard } from '../../../src/native/binding.js';
import type { RuleTraces } from '../../../src/netfilter/rule-trace.js';
import { hasNfTables } from '../../../src/system/netfilter/nf-tables.js';
import type { Netns } from '../../../src/system/netns.js';
import { RuleTraceKeeper } from '../../../src/trace/rule-trace-keeper.js';
import { nativeError } from '../support/kernel-that-refuses.js';
import { elsewhere, here } from '../support/machine.js';
import { netfilterMachine } from '../support/netfilter.js';

const messages = new Uint8Array(readFileSync('test/fixtures/system/nft-trace.netlink'));
const LISTING = 'table inet filter {\n\tchain tr {\n\t\tudp dport 1001 drop # handle 4\n\t}\n}\n';

class Machine {
  namespaces: Netns[] = [here];
  now = 1000n;
  refusal: string | undefined;
  heard: Omit<Heard, 'socket'> | undefined;
  hasNft = true;
  listings = 0;
  /** Namespaces by socket. */
  readonly sockets = new Map<number, string | null>();
  isClosed = false;
  readonly notices: string[] = [];
  readonly traces: RuleTraces[] = [];
  private opened = 0;
  readonly keeper: RuleTraceKeeper;

  constructor(isBuiltIn = true) {
    const machine = this;
    class NetlinkListener {
      constructor(...of: number[]) {
        assert.deepEqual(of, [12, 9]);
      }
      add(path: string | null): number {
        if (machine.refusal) throw nativeError('subscribe to netlink messages', machine.refusal);
        machine.opened += 1;
        machine.sockets.set(machine.opened, path);
        return machine.opened;
      }
      remove(socket: number): void {
        machine.sockets.delete(socket);
      }
      read(): Heard[] {
        machine.now += 10n;
        const { heard } = machine;
        machine.heard = undefined;
        return heard ? [{ socket: [...machine.sockets.keys()].at(-1)!, ...heard }] : [];
      }
      close(): void {
        machine.isClosed = true;
      }
    }
    const native = {
      ...netfilterMachine(),
      NetlinkListener,
      btfFunction: () => (isBuiltIn ? [] : null),
      clocks: () => ({ bootNs: this.now, wallNs: 0n }),
      nftListChain: (): string | null => {
        this.listings += 1;
        return this.hasNft ? LISTING : null;
      },
    };
    const devices = {
      get netns() {
        return machine.namespaces;
      },
    };
    this.keeper = new RuleTraceKeeper(native, devices, {
      notice: (text) => this.notices.push(text),
      traces: (traces) => this.traces.push(traces),
    });
  }

  start(): this {
    mock.timers.enable({ apis: ['setInterval'] });
    this.keeper.start();
    return this;
  }

  later(): void {
    mock.timers.tick(250);
  }
}

function running(body: (machine: Machine) => void, machine = new Machine()): void {
  try {
    body(machine);
  } finally {
    machine.keeper.stop();
    mock.timers.reset();
  }
}

test('one subscription a namespace, in those that come too; those that go are let go', () =>
  running((machine) => {
    machine.start();
    assert.deepEqual([...machine.sockets.values()], [here.path]);
    machine.namespaces = [here, elsewhere];
    machine.later();
    machine.later();
    assert.deepEqual([...machine.sockets.values()], [here.path, elsewhere.path]);
    machine.namespaces = [elsewhere];
    machine.later();
    assert.deepEqual([...machine.sockets.values()], [elsewhere.path]);
    machine.keeper.stop();
    assert.ok(machine.isClosed);
  }));

test('what is read has the times between which it happened, hooks, and rules in words', () =>
  running((machine) => {
    machine.start();
    machine.keeper.read();
    machine.heard = { messages, lost: 0 };
    machine.keeper.read();
    const [{ netnsInum, fromNs, toNs, lost, messages: told }] = machine.traces as [RuleTraces];
    assert.deepEqual(
      { netnsInum, fromNs, toNs, lost },
      { netnsInum: here.inum, fromNs: 1000, toNs: 1020, lost: 0 },
    );
    const drop = told.find(({ chain, kind }) => chain === 'tr' && kind === 'rule')!;
    assert.deepEqual([drop.handle, drop.text, drop.hook], [4, 'udp dport 1001 drop', undefined]);
    const chains = machine.listings;
    machine.heard = { messages, lost: 0 };
    machine.keeper.read();
    assert.equal(machine.listings, chains, 'a chain is listed once a generation');
  }));

test('without libnftables handles tell', () =>
  running((machine) => {
    machine.hasNft = false;
    machine.start();
    machine.heard = { messages, lost: 0 };
    machine.keeper.read();
    const rules = machine.traces[0]!.messages.filter(({ kind }) => kind === 'rule');
    assert.ok(rules.length > 0);
    for (const { handle, text } of rules) assert.deepEqual([typeof handle, text], ['number', undefined]);
  }));

test('where messages were lost, none of those read with them are used: all are counted', () =>
  running((machine) => {
    machine.start();
    machine.heard = { messages, lost: 0 };
    machine.keeper.read();
    machine.heard = { messages, lost: 5 };
    machine.keeper.read();
    const [whole, torn] = machine.traces as [RuleTraces, RuleTraces];
    assert.deepEqual([torn.messages.length, torn.lost], [0, 5 + whole.messages.length]);
  }));

test('a refusal is told once, a namespace that has gone is none', () =>
  running((machine) => {
    machine.refusal = 'EPERM';
    machine.start();
    machine.later();
    assert.deepEqual(machine.notices, [
      'nft traces of this namespace are not shown: needs CAP_NET_ADMIN there',
    ]);
    machine.keeper.read();
    machine.refusal = 'ENOENT';
    machine.namespaces = [here, elsewhere];
    machine.later();
    assert.equal(machine.notices.length, 1);
  }));

test('a namespace is not subscribed to while there is no nf_tables, which that would load', () =>
  running((machine) => {
    machine.start();
    machine.later();
    assert.equal(machine.sockets.size, hasNfTables(false) ? 1 : 0);
    machine.keeper.read();
  }, new Machine(false)));
