/** The rx handlers of bridge and macvlan ports, functions of modules: as many packets as the ports received. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { withAnswers } from '../../support/amended.js';
import { linesSaid, runTaptrace } from '../../support/cli.js';
import { deviceCount, nftCounts } from '../../support/kernel-counts.js';
import { patient, run } from '../../support/process.js';
import { createRouterWorld, type RouterWorld } from '../../support/router.js';
import { type TraceEvent, Tracer } from '../../support/tracer.js';
import { ping } from '../../support/traffic.js';
import { rungName } from './rungs.js';
import { isConfidential, isSince } from './situation.js';

const PINGS = 20;
const DROPPED = 7;
const PORT = 3;

const ruleset = `table bridge t {
counter forward_drop { packets 0 bytes 0; }
counter forward_pass { packets 0 bytes 0; }
chain forward {
type filter hook forward priority 0;
udp dport ${PORT} counter name forward_drop drop
counter name forward_pass
}
}`;

/** The router becomes a bridge: a and c in one subnet, with a macvlan on a's device. */
async function bridged(): Promise<RouterWorld> {
  const world = await createRouterWorld();
  const { a, toA, toC, c } = world;
  // Nothing is sent but by the test.
  const quiet = ['all', 'default'].map((name) => `net.ipv6.conf.${name}.disable_ipv6=1`);
  for (const end of [a, toA, c]) await end.run(['sysctl', '-q', '-w', ...quiet]);
  const ip = ['ip', '-n', toA.netns.name];
  await run([...ip, 'link', 'add', 'br0', 'type', 'bridge']);
  await run([...ip, 'link', 'set', 'br0', 'up']);
  for (const { device } of [toA, toC]) await run([...ip, 'link', 'set', device, 'master', 'br0']);
  await c.run(['ip', 'addr', 'add', '192.0.2.3/24', 'dev', c.device]);
  await a.run(['ip', 'link', 'add', 'link', a.device, 'name', 'mv0', 'type', 'macvlan', 'mode', 'bridge']);
  await a.run(['ip', 'link', 'set', 'mv0', 'up']);
  await toA.run(['nft', '-f', '-'], { input: ruleset });
  for (const [end, ip, mac] of [
    [a, '192.0.2.3', c.mac],
    [c, a.ipv4, a.mac],
  ] as const)
    await end.run(['ip', 'neigh', 'replace', ip, 'lladdr', mac, 'dev', end.device, 'nud', 'permanent']);
  await a.run(['ping', '-q', '-c', '1', '-w', '5', '192.0.2.3']);
  return world;
}

const mechanisms = (['fentry', 'kprobe'] as const).filter(
  // Modules have had BTF since 5.11.
  (mechanism) => !isConfidential && (mechanism === 'kprobe' || isSince('6.1')),
);

for (const mechanism of mechanisms) {
  describe(`rx handlers by ${mechanism}`, { timeout: patient(60_000) }, () => {
    let world: RouterWorld;
    let events: readonly TraceEvent[];
    let stderr: string;
    let counted: ReadonlyMap<string, number>;
    let received: { toA: number; toC: number; a: number };

    const counts = async () => ({
      toA: await deviceCount(world.toA, world.toA.device, 'rx_packets'),
      toC: await deviceCount(world.toC, world.toC.device, 'rx_packets'),
      a: await deviceCount(world.a, world.a.device, 'rx_packets'),
    });

    before(async () => {
      world = await bridged();
      const netns = [world.a, world.toA].flatMap((end) => ['--netns', end.netns.name]);
      // Netfilter links do not reach the bridge family.
      const hook = mechanism === 'fentry' ? 'fexit' : 'kretprobe';
      const rungs = [`rx-handler=${mechanism}`, `nf-forward=${hook}`].flatMap((rung) => [
        '--mechanism',
        rung,
      ]);
      const tracer = await Tracer.start([...netns, '--stages', 'rx-handler,nf-forward', ...rungs]);
      await world.toA.run(['nft', 'reset', 'counters']);
      const earlier = await counts();
      const from = process.hrtime.bigint();
      await ping(world.a, '192.0.2.3', PINGS, 56);
      const one = `echo 12345678 > /dev/udp/192.0.2.3/${PORT}`;
      await world.a.run(['bash', '-c', `for i in $(seq ${DROPPED}); do ${one}; done`]);
      const to = process.hrtime.bigint();
      const later = await counts();
      counted = await nftCounts(world.toA);
      const result = await tracer.stop();
      stderr = result.stderr;
      events = withAnswers(result.events).filter(({ tsNs }) => BigInt(tsNs) >= from && BigInt(tsNs) <= to);
      received = {
        toA: later.toA - earlier.toA,
        toC: later.toC - earlier.toC,
        a: later.a - earlier.a,
      };
    });
    after(() => world?.close());

    const at = (name: string, device: string) =>
      events.filter(({ function: where, ifname }) => where === name && ifname === device).length;

    it('br_handle_frame: what both bridge ports received', () => {
      assert.equal(at('br_handle_frame', world.toA.device), received.toA, stderr);
      assert.equal(at('br_handle_frame', world.toC.device), received.toC);
      assert.ok(received.toA >= PINGS + DROPPED);
    });
    it('macvlan_handle_frame: what the device under the macvlan received', () =>
      assert.equal(at('macvlan_handle_frame', world.a.device), received.a));
    it('the bridge family: forwarded and dropped packets as nft counted', () => {
      const forward = events.filter(({ stage, hook }) => stage === 'nf-forward' && hook?.family === 'bridge');
      const drops = forward.filter(({ verdict }) => verdict === 'dropped');
      assert.equal(drops.length, counted.get('forward_drop'));
      assert.equal(drops.length, DROPPED);
      assert.equal(forward.length - drops.length, counted.get('forward_pass'));
    });
    it('says which modules are not loaded', async () => {
      const { stdout } = await runTaptrace(['stages', 'rx-handler', '--json']);
      assert.match(stdout, /team_handle_frame: no such symbol/);
    });
  });
}

describe('rx handlers that cannot be watched here', () => {
  for (const mechanism of ['fentry', 'kprobe'] as const)
    if (!mechanisms.includes(mechanism))
      it(`${mechanism}: exit 3 and the reason`, async () => {
        const rung = rungName({ stage: 'rx-handler', mechanism });
        const said = await runTaptrace(['--stages', 'rx-handler', '--mechanism', rung, '--duration', '1']);
        assert.equal(said.exit.code, 3, said.stderr);
        assert.match(linesSaid(said)[0]!, new RegExp(`${rung} .*: .+`));
      });
});
