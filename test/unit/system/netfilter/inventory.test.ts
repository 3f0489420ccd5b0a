/** The base chains in real replies of the kernel, against what nft read of the same namespace; and iptables-legacy. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { BaseChain } from '../../../../src/netfilter/types.js';
import { InventoryReader } from '../../../../src/system/netfilter/inventory.js';
import { legacyChains } from '../../../../src/system/netfilter/legacy-tables.js';
import { nftChains, nftGeneration } from '../../../../src/system/netfilter/nf-tables.js';
import { netfilterMachine } from '../../support/netfilter.js';

interface NftChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly type?: string;
  readonly hook?: string;
  readonly prio?: number;
  readonly policy?: string;
}

const { nftables } = JSON.parse(readFileSync('test/fixtures/system/nft-chains.json', 'utf8')) as {
  nftables: { chain?: NftChain }[];
};
const machine = netfilterMachine();
const chains = nftChains(machine, null);
const find = (table: string, name: string): BaseChain[] =>
  chains.filter((one) => one.table === table && one.chain === name);

test('every base chain is what nft says it is, in its order; those of dormant tables are at no hook', () => {
  const told = nftables
    .flatMap(({ chain }) => chain ?? [])
    .filter(({ hook, table }) => hook !== undefined && table !== 'sleeping');
  const once = chains.filter(({ device }) => device !== 'v0');
  assert.deepEqual(
    once.map(({ family, table, chain, type, hook, priority, policy }) => ({
      ...{ family, table, name: chain, type, hook, prio: priority, policy },
    })),
    told.map(({ family, table, name, type, hook, prio, policy }) => ({
      ...{ family, table, name, type, hook, prio, policy },
    })),
  );
});

test('a chain on several devices is there once for each; on one, with its name', () => {
  assert.deepEqual(
    find('nd', 'ing').map(({ device }) => device),
    ['v0', 'lo'],
  );
  assert.deepEqual(
    [...find('nd', 'eg'), ...find('i6', 'ing'), ...find('filter', 'in')].map(({ device }) => device),
    ['lo', 'lo', undefined],
  );
});

test('a chain as iptables-nft makes them is said to be one', () => {
  const owners = chains.map(({ table, chain, owner }) => `${table}/${chain} ${owner}`);
  assert.deepEqual(
    owners.filter((text) => text.endsWith('iptables-nft')),
    ['nat/PREROUTING iptables-nft'],
  );
});

test('the generation is a number', () => {
  assert.equal(nftGeneration(machine, null), 2);
});

const filter = { ip_tables_names: 'filter\nnat\n', ip6_tables_names: 'security\n' };

test('the tables of iptables-legacy are at the hooks where the kernel puts them', () => {
  const { chains: all, notes } = new InventoryReader(netfilterMachine(filter)).read(null);
  const legacy = all.filter(({ owner }) => owner === 'iptables-legacy');
  assert.deepEqual(
    legacy.map(({ family, table, chain, hook, priority }) => [family, table, chain, hook, priority]),
    [
      ['ip', 'filter', 'INPUT', 'input', 0],
      ['ip', 'filter', 'FORWARD', 'forward', 0],
      ['ip', 'filter', 'OUTPUT', 'output', 0],
      ['ip', 'nat', 'PREROUTING', 'prerouting', -100],
      ['ip', 'nat', 'INPUT', 'input', 100],
      ['ip', 'nat', 'OUTPUT', 'output', -100],
      ['ip', 'nat', 'POSTROUTING', 'postrouting', 100],
      ['ip6', 'security', 'INPUT', 'input', 50],
      ['ip6', 'security', 'FORWARD', 'forward', 50],
      ['ip6', 'security', 'OUTPUT', 'output', 50],
    ],
  );
  assert.deepEqual(notes, []);
  assert.deepEqual(legacyChains('ip', 'constructor'), []);
});

test('where the names of its tables are hidden, that is said', () => {
  const { chains: all, notes } = new InventoryReader(netfilterMachine({ ip_tables_names: 'EACCES' })).read(
    null,
  );
  assert.equal(all.length, chains.length);
  assert.match(notes.join(), /iptables-legacy.*CAP_DAC_READ_SEARCH/);
});

test('the version changes with the tables of iptables-legacy, and is the same for the same', () => {
  const version = (files: Record<string, string>): string =>
    new InventoryReader(netfilterMachine(files)).version(null);
  assert.equal(version(filter), new InventoryReader(netfilterMachine(filter)).read(null).version);
  assert.notEqual(version(filter), version({ ip_tables_names: 'filter\n' }));
});

test('a ruleset that changes while it is read is read again', () => {
  let generations = 0;
  const changing = netfilterMachine();
  const { netlink } = changing;
  const asked: number[] = [];
  const reader = new InventoryReader({
    ...changing,
    netlink: (netns, protocol, request) => {
      const reply = netlink(netns, protocol, request).slice();
      asked.push(request[4]!);
      // The generation's number is the last byte of its attribute, the first one of the answer.
      if (request[4] === 16) reply[27] = Math.min(generations++, 2);
      return reply;
    },
  });
  assert.equal(reader.read(null).chains.length, chains.length);
  assert.deepEqual(asked, [16, 1, 4, 16, 16, 1, 4, 16]);
});

test('one that changes all the time is taken as it was last read, and known to be old', () => {
  let generations = 0;
  const restless = netfilterMachine();
  const { netlink } = restless;
  const reader = new InventoryReader({
    ...restless,
    netlink: (netns, protocol, request) => {
      const reply = netlink(netns, protocol, request).slice();
      if (request[4] === 16) reply[27] = generations++;
      return reply;
    },
  });
  const { version, chains: all } = reader.read(null);
  assert.equal(all.length, chains.length);
  assert.notEqual(reader.version(null), version);
});

test('without nf_tables nothing is asked of it', () => {
  const machineWithout = { ...netfilterMachine(filter), btfFunction: () => null };
  const reader = new InventoryReader({
    ...machineWithout,
    netlink: () => assert.fail('would load the module'),
  });
  assert.equal(reader.read(null).chains.length, 10);
});
