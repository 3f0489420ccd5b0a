/**
 * Hooks that are no chains of a ruleset, on kernels that list them (nfnetlink_hook): a BPF link of somebody else and
 * connection tracking are named as what they are, also where they keep a packet. `nft list hooks` is the independent word.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { nativeBinding } from '../../../src/native/binding.js';
import { nfproto } from '../../../src/netfilter/hooks.js';
import { runTaptrace } from '../../support/cli.js';
import { type Compared, comparing } from '../../support/comparing.js';
import { ETHERTYPE, ethernetFrame, ipv4Udp } from '../../support/frames.js';
import { run } from '../../support/process.js';
import { createQuietWorld, type QuietWorld } from '../../support/quiet.js';
import { toolPath } from '../../support/world.js';

const CONNTRACK = `table ip tracked {
  chain in {
    type filter hook input priority 0; policy accept;
    ct state established accept
  }
}`;
const INPUT = 1;
const PRIORITY = 7;
const FRAGMENTS = 3;
const DROPPED = 4;

interface Hook {
  readonly family: string;
  readonly hook: string;
  readonly priority: number;
  readonly chain: string;
  readonly owner: string;
}

/** The first fragment of a datagram whose others never come. */
function firstFragment(packet: Uint8Array, id: number): Uint8Array {
  const fragment = packet.slice();
  const view = new DataView(fragment.buffer);
  view.setUint16(4, id);
  view.setUint16(6, 0x2000);
  view.setUint16(10, 0);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  view.setUint16(10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
  return fragment;
}

describe('hooks that are no chains', () => {
  let world: QuietWorld;
  let listed: string[];
  let hooks: readonly Hook[];
  let compared: Compared;
  let program: number;
  const session = new (nativeBinding().Session)({ ringBytes: 4096, rings: 1, mapEntries: {} });

  /** A link of this process, which is not the one that traces. */
  function openLink(netns: string): number {
    const object = new Uint8Array(readFileSync(toolPath('netfilter-drop.bpf.o')));
    const loaded = session.load({ object, program: 'drop_all', type: 'netfilter', constants: {} });
    session.openNetfilterLink(loaded, `/run/netns/${netns}`, nfproto.ip, INPUT, PRIORITY);
    return session.programStats(loaded).id;
  }

  async function send(): Promise<void> {
    const { a, b } = world;
    const flow = { src: a.ipv4, dst: b.ipv4, sport: 5000, dport: 5001 };
    const whole = ipv4Udp(flow, new Uint8Array(64));
    const frame = (packet: Uint8Array) => ethernetFrame({ from: a.mac, to: b.mac }, ETHERTYPE.ipv4, packet);
    const fragments = Array.from({ length: FRAGMENTS }, (_, id) => frame(firstFragment(whole, id + 1)));
    await a.sendFrames(fragments);
    await a.sendFrames(new Array<Uint8Array>(DROPPED).fill(frame(whole)));
  }

  before(async () => {
    world = await createQuietWorld();
    const { b } = world;
    await run(['ip', '-n', b.netns.name, 'addr', 'add', `${b.ipv4}/24`, 'dev', b.device]);
    await b.run(['nft', '-f', '-'], { input: CONNTRACK });
    program = openLink(b.netns.name);
    // Asking loads the module.
    listed = (await b.run(['nft', 'list', 'hooks', 'ip'])).split('\n').map((line) => line.trim());
    const args = ['--netns', b.netns.name, '--stages', 'netfilter', '--duration', '0.1', '--json'];
    const { stdout } = await runTaptrace(args);
    const header = JSON.parse(stdout.split('\n')[0]!) as { hooks: { chains: Hook[] }[] };
    hooks = header.hooks[0]!.chains.filter(({ family }) => family === 'ip');
    compared = await comparing([b], { filter: 'udp' }, send);
  });
  after(() => {
    session.close();
    world?.close();
  });

  it('connection tracking is named as the kernel function that it is, where nft has it', () => {
    for (const [name, hook, priority] of [
      ['ipv4_conntrack_in [nf_conntrack]', 'prerouting', -200],
      ['ipv4_conntrack_defrag [nf_defrag_ipv4]', 'prerouting', -400],
      ['nf_confirm [nf_conntrack]', 'input', 2 ** 31 - 1],
    ] as const) {
      const found = hooks.filter(({ chain }) => chain === name);
      assert.ok(
        found.some((one) => one.hook === hook && one.priority === priority && one.owner === 'kernel'),
        name,
      );
      assert.ok(
        listed.some((line) => line.endsWith(` ${name}`)),
        `${name} in\n${listed.join('\n')}`,
      );
    }
  });

  it('a BPF link of somebody else is named by its program', () => {
    const links = hooks.filter(({ owner }) => owner === 'bpf');
    assert.deepEqual(
      links.map(({ chain, hook, priority }) => [chain, hook, priority]),
      [[`BPF program ${program}`, 'input', PRIORITY]],
    );
    assert.ok(
      listed.some((line) => /nf_hook_run_bpf|bpf/.test(line)),
      listed.join('\n'),
    );
  });

  const finding = (chain: string) =>
    compared.findings
      .filter(({ chain: one }) => one?.chain === chain)
      .map(({ kind, packets }) => [kind, packets]);

  it('the link is what dropped a packet, and packets are as many as were sent', () => {
    assert.deepEqual(finding(`BPF program ${program}`), [['dropped', DROPPED]]);
  });

  it('reassembly is what keeps fragments', () => {
    assert.deepEqual(finding('ipv4_conntrack_defrag [nf_defrag_ipv4]'), [['stolen-or-queued', FRAGMENTS]]);
  });
});
