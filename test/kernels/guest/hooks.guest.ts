/**
 * nf_hook_slow at its entry and at its return, in every hook of every family that it runs: packets and drops are
 * those that nft's own counters have.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { withAnswers } from '../../support/amended.js';
import { nftCounts } from '../../support/kernel-counts.js';
import { patient } from '../../support/process.js';
import { createRouterWorld, type RouterWorld } from '../../support/router.js';
import { type TraceEvent, Tracer } from '../../support/tracer.js';
import type { End } from '../../support/world.js';
import { mustWork, rungName, seesBytes } from './rungs.js';
import { isSince } from './situation.js';

const ACCEPTED_PORT = 20;

interface Hook {
  readonly stage: string;
  /** nft's name of the hook; the counters are `<name>_drop` and `<name>_pass`. */
  readonly name: string;
  /** UDP datagrams to this port are dropped here. */
  readonly dropPort: number;
}

const inetHooks: readonly Hook[] = [
  { stage: 'nf-prerouting', name: 'prerouting', dropPort: 1 },
  { stage: 'nf-input', name: 'input', dropPort: 2 },
  { stage: 'nf-forward', name: 'forward', dropPort: 3 },
  { stage: 'nf-output', name: 'output', dropPort: 4 },
  { stage: 'nf-postrouting', name: 'postrouting', dropPort: 5 },
];
const ingress: Hook = { stage: 'nf-ingress', name: 'ingress', dropPort: 6 };
/** Kernels before 5.16 have no such hook. */
const egress: Hook = { stage: 'nf-egress', name: 'egress', dropPort: 7 };
const deviceHooks = isSince('6.1') ? [ingress, egress] : [ingress];
const arpHooks = [
  { stage: 'nf-input', name: 'input' },
  { stage: 'nf-output', name: 'output' },
] as const;

const families = [
  { nft: 'ip', family: 'ip', hooks: inetHooks },
  { nft: 'ip6', family: 'ip6', hooks: inetHooks },
  { nft: 'netdev', family: 'netdev', hooks: deviceHooks },
] as const;

/** Lines of a table: a named counter for each rule, and the chain. */
function chain(hook: string, device: string, rules: ReadonlyMap<string, string>): string[] {
  return [
    ...[...rules.keys()].map((counter) => `counter ${counter} { packets 0 bytes 0; }`),
    `chain ${hook} {`,
    `type filter hook ${hook} ${device} priority 0;`,
    ...[...rules].map(([counter, rule]) => rule.replace('COUNT', `counter name ${counter}`)),
    '}',
  ];
}

function table(family: string, chains: readonly string[][]): string[] {
  return [`table ${family} t {`, ...chains.flat(), '}'];
}

function ruleset({ toA, toC }: RouterWorld): string {
  const tables = families.map(({ nft, hooks }) => {
    const chains = hooks.map(({ name, dropPort }) => {
      const device = nft === 'netdev' ? `device ${name === 'egress' ? toC.device : toA.device}` : '';
      const rules = new Map([
        [`${nft}_${name}_drop`, `udp dport ${dropPort} COUNT drop`],
        [`${nft}_${name}_pass`, `udp dport ${ACCEPTED_PORT} COUNT`],
      ]);
      return chain(name, device, rules);
    });
    return table(nft, chains);
  });
  const arp = arpHooks.map(({ name }) => chain(name, '', new Map([[`arp_${name}_pass`, 'COUNT']])));
  return [...tables.flat(), ...table('arp', arp)].join('\n');
}

/** Datagrams one by one; those that the own firewall refuses are an error of the sender, which is no news. */
async function send(from: End, to: string, port: number, count: number): Promise<void> {
  const one = `echo 12345678 > /dev/udp/${to}/${port}`;
  await from.run(['bash', '-c', `for i in $(seq ${count}); do ${one}; done 2>/dev/null; true`]);
}

async function traffic({ a, c, toA, toC }: RouterWorld): Promise<void> {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const [router, beyond] = [toA[family], c[family]];
    for (const [port, count] of [
      [1, 3],
      [2, 4],
      [6, 5],
      [ACCEPTED_PORT, 6],
    ] as const)
      await send(a, router, port, count);
    for (const [port, count] of [
      [3, 7],
      [5, 8],
      [7, 9],
      [ACCEPTED_PORT, 10],
    ] as const)
      await send(a, beyond, port, count);
    for (const [port, count] of [
      [4, 11],
      [5, 12],
      [7, 2],
      [ACCEPTED_PORT, 3],
    ] as const)
      await send(toC, beyond, port, count);
  }
  await a.run(['ip', 'neigh', 'flush', 'dev', a.device]);
  await a.run(['ping', '-q', '-c', '2', '-i', '0.2', '-w', '5', toA.ipv4]);
}

for (const mechanism of ['fexit', 'kretprobe'] as const) {
  if (!mustWork({ stage: 'nf-input', mechanism })) continue;
  const readable = seesBytes({ stage: 'nf-input', mechanism });
  describe(`netfilter hooks by ${mechanism}`, { timeout: patient(60_000) }, () => {
    let world: RouterWorld;
    let counted: ReadonlyMap<string, number>;
    let events: readonly TraceEvent[];
    let stderr: string;
    before(async () => {
      world = await createRouterWorld();
      await world.toA.run(['nft', '-f', '-'], { input: ruleset(world) });
      const stages = [...inetHooks, ...deviceHooks].map(({ stage }) => stage);
      const rungs = stages.flatMap((stage) => ['--mechanism', `${stage}=${mechanism}`]);
      const netns = ['--netns', world.toA.netns.name];
      const tracer = await Tracer.start([...netns, '--stages', stages.join(','), ...rungs]);
      await world.toA.run(['nft', 'reset', 'counters']);
      const from = process.hrtime.bigint();
      await traffic(world);
      counted = await nftCounts(world.toA);
      const result = await tracer.stop();
      events = withAnswers(result.events).filter(({ tsNs }) => BigInt(tsNs) >= from);
      stderr = result.stderr;
    });
    after(() => world?.close());

    const at = (stage: string, family: string) =>
      events.filter((event) => event.stage === stage && event.hook?.family === family);
    const dropped = (list: readonly TraceEvent[]) => list.filter(({ verdict }) => verdict !== undefined);
    const to = (port: number, list: readonly TraceEvent[]) => list.filter(({ dport }) => dport === port);

    for (const { nft, family, hooks } of families)
      for (const { stage, name, dropPort } of hooks) {
        it(`${family} ${name}: the drops that nft counted, and no others`, () => {
          const count = counted.get(`${nft}_${name}_drop`);
          const drops = dropped(at(stage, family));
          assert.ok(count! > 0);
          const silent = to(dropPort, at(stage, family)).filter(({ verdict }) => verdict === undefined);
          assert.equal(drops.length, count, `without a verdict: ${JSON.stringify(silent)}\n${stderr}`);
          assert.deepEqual([...new Set(drops.map(({ verdict }) => verdict))], ['dropped']);
          if (readable) assert.equal(to(dropPort, drops).length, count);
        });
        if (readable)
          it(`${family} ${name}: the packets that nft counted`, () => {
            const passed = to(ACCEPTED_PORT, at(stage, family));
            assert.equal(passed.length, counted.get(`${nft}_${name}_pass`));
            assert.ok(passed.length > 0);
          });
      }
    for (const { stage, name } of arpHooks)
      it(`arp ${name}: the packets that nft counted`, () => {
        const count = counted.get(`arp_${name}_pass`);
        assert.ok(count! > 0);
        assert.equal(at(stage, 'arp').length, count);
      });
    it(`all by ${rungName({ stage: 'nf-input', mechanism })} and its like`, () =>
      assert.ok(events.every((event) => event.mechanism === mechanism && event.observed)));
  });
}
