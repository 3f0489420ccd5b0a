/** Links between base chains on this kernel: the chain that drops is named, and nft counts the same. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runTaptrace } from '../../support/cli.js';
import { each, firstPriority, lastPriority, passedBy, stoppedAt } from '../../support/hooks.js';
import { run } from '../../support/process.js';
import { createQuietWorld, type QuietWorld } from '../../support/quiet.js';
import { type TraceResult, Tracer } from '../../support/tracer.js';
import { toolPath } from '../../support/world.js';
import { isSince } from './situation.js';

const ruleset = `table inet filter {
  counter in { }
  counter late { }
  chain in {
    type filter hook input priority filter; policy accept
    udp dport 1000 counter name in drop
  }
  chain late {
    type filter hook input priority security; policy accept
    udp dport 2000 counter name late drop
  }
}
`;

const links = (): void => {
  let world: QuietWorld;
  let result: TraceResult;
  let counted: number[];

  const flood = (port: number, count: number) =>
    world.a.send([
      ...[toolPath('udp_flood'), '--to', world.b.ipv4, '--port', String(port)],
      ...['--size', '64', '--rate', '200', '--count', String(count)],
    ]);

  before(async () => {
    world = await createQuietWorld();
    await run(['ip', '-n', world.b.netns.name, 'addr', 'add', `${world.b.ipv4}/24`, 'dev', world.b.device]);
    await world.b.run(['nft', '-f', '-'], { input: ruleset });
    const tracer = await Tracer.start(['--netns', world.b.netns.name, '--stages', 'nf-input', 'udp']);
    await flood(1000, 6);
    await flood(2000, 4);
    await flood(3000, 2);
    result = await tracer.stop();
    const listed = await world.b.run(['nft', 'list', 'counters']);
    counted = [...listed.matchAll(/packets (\d+)/g)].map(([, packets]) => Number(packets));
  });
  after(() => world?.close());

  it('each packet passes exactly the links before the chain that drops it', () => {
    assert.deepEqual(result.exit, { code: 0, signal: null }, result.stderr);
    assert.deepEqual(passedBy(result.events, 'nf-input', 1000), each(6, [firstPriority, -1]));
    assert.deepEqual(passedBy(result.events, 'nf-input', 2000), each(4, [firstPriority, -1, 1, 49]));
    const all = [firstPriority, -1, 1, 49, 51, lastPriority];
    assert.deepEqual(passedBy(result.events, 'nf-input', 3000), each(2, all));
  });

  it('nft counted as many', () => {
    const { 'inet filter/in 0': early, 'inet filter/late 50': late } = stoppedAt(result.events, 'nf-input');
    assert.deepEqual([early, late], counted);
    assert.deepEqual(counted, [6, 4]);
  });

  it('nothing was lost', () => assert.equal(result.summary.complete, true));
};

describe('links between base chains', () => {
  if (isSince('6.12')) links();
  else
    it('are not there before 6.4, and that is said', async () => {
      const said = await runTaptrace(['--stages', 'nf-input', '--mechanism', 'nf-input=netfilter']);
      assert.equal(said.exit.code, 3, said.stderr);
      assert.match(said.stderr, /no BPF netfilter links/);
    });
});
