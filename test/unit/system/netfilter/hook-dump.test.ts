/** Hooks that are no chains, in real replies of the kernel, against what `nft list hooks` read at the same moment. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { nfproto } from '../../../../src/netfilter/hooks.js';
import { kernelHooks } from '../../../../src/system/netfilter/hook-dump.js';
import { InventoryReader } from '../../../../src/system/netfilter/inventory.js';
import { netfilterMachine } from '../../support/netfilter.js';

const { listed, replies } = JSON.parse(readFileSync('test/fixtures/system/nft-hooks.json', 'utf8')) as {
  listed: string;
  replies: Record<string, string>;
};

/** Answers by the family and hook number in the request. */
function reply(request: Uint8Array): Uint8Array {
  const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
  const family = view.getUint8(16) === nfproto.ip ? 'ip' : 'ip6';
  return new Uint8Array(Buffer.from(replies[`${family} ${view.getUint32(24)}`]!, 'base64'));
}

const native = { netlink: (_netns: string | null, _protocol: number, request: Uint8Array) => reply(request) };
const hooks = kernelHooks(native, null);

/** "family hook priority function [module]" of every line but those of chains. */
function linesOfNft(): string[] {
  const lines: string[] = [];
  let family = '';
  let hook = '';
  for (const line of listed.split('\n').map((text) => text.trim())) {
    family = /^family (\w+)/.exec(line)?.[1] ?? family;
    hook = /^hook (\w+)/.exec(line)?.[1] ?? hook;
    const [, priority, name] = /^([-+ ]?\d+) (.*)$/.exec(line) ?? [];
    const isInet = family === 'ip' || family === 'ip6';
    if (isInet && name && !name.startsWith('chain '))
      lines.push(`${family} ${hook} ${Number(priority)} ${name}`);
  }
  return lines;
}

test('all that nft lists beside chains is there, in its order', () => {
  const told = hooks.map(({ family, hook, priority, chain, owner }) =>
    [family, hook, priority, owner === 'bpf' ? 'nf_hook_run_bpf' : chain].join(' '),
  );
  assert.deepEqual(told, linesOfNft());
  assert.ok(told.length > 10);
});

test('links are told by their program', () => {
  const links = hooks.filter(({ owner }) => owner === 'bpf');
  assert.equal(links.length, listed.match(/nf_hook_run_bpf/g)?.length);
  for (const { chain } of links) assert.match(chain, /^BPF program \d+$/);
});

test('the NAT hook is left out where there are chains of type nat: it is what calls them', () => {
  const machine = netfilterMachine();
  const reader = new InventoryReader({
    ...machine,
    netlink: (netns, protocol, request) =>
      request[5] === 12 ? reply(request) : machine.netlink(netns, protocol, request),
    btfFunction: () => [],
  });
  const { chains } = reader.read(null);
  const nat = chains
    .filter(({ chain }) => chain.includes('[nf_nat]'))
    .map(({ family, hook }) => `${family} ${hook}`);
  assert.ok(chains.some(({ owner, hook }) => owner === 'nft' && hook === 'input'));
  assert.ok(!nat.includes('ip prerouting') && !nat.includes('ip output'), nat.join());
  assert.ok(nat.includes('ip input'), nat.join());
});
