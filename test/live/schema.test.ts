/** Every line that real packets make --json print is one of docs/schema.json. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runTaptrace } from '../support/cli.js';
import { loadNft } from '../support/oracles/nft.js';
import { Child, patient } from '../support/process.js';
import { sendUdp } from '../support/scenario.js';
import { checkLines } from '../support/schema.js';
import { Capture } from '../support/tcpdump.js';
import { chainOf, type Topology } from '../support/topology.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['nft', 'tcpdump']) ?? false;
const PORT = { open: 7001, translated: 7002, dropped: 7003 };

let topology: Topology;
before(async () => {
  if (skip) return;
  topology = await chainOf('arb');
  await loadNft(
    topology.host('r'),
    `table ip nat { chain pre { type nat hook prerouting priority dstnat;
         udp dport ${PORT.translated} dnat to ${topology.end('br').ipv4}:9001; }; }
     table inet filter { chain forward { type filter hook forward priority 0; udp dport ${PORT.dropped} drop; }; }`,
  );
});
after(() => topology?.close());

const namespaces = (): string[] => topology.hosts.flatMap(({ netns }) => ['--netns', netns.name]);

async function traffic(): Promise<void> {
  const [from, { ipv4 }] = [topology.end('ar'), topology.end('br')];
  await from.send(['ping', '-q', '-c', '2', '-i', '0.01', ipv4]);
  for (const port of Object.values(PORT)) await sendUdp(from, ipv4, port, 3);
  // A ruleset that changes makes a gap.
  await loadNft(topology.host('a'), 'table ip t { chain out { type filter hook output priority 5; }; }');
  await new Promise((resolve) => setTimeout(resolve, 600));
  await from.run(['nft', 'delete', 'table', 'ip', 't']);
}

/** What a live command prints while packets go by. */
async function printed(args: readonly string[]): Promise<string> {
  const child = new Child([...tracerCommand(), ...args, ...namespaces()]);
  await child.until(() => /watching/.test(child.stderr), 'header', patient(60_000));
  await traffic();
  const { code } = await child.stop('SIGINT', patient(30_000));
  assert.equal(code, 0, child.stderr);
  return child.stdout;
}

describe('every line of', { skip }, () => {
  it('trace, of all stages with stacks', async () => {
    const tap = await Capture.start(topology, topology.end('br'));
    const text = await printed(['trace', '--json', '--stages', 'all', '--stack']);
    await tap.stop();
    const { event, ...others } = checkLines(text);
    assert.ok(event! > 100, `${event} events`);
    assert.deepEqual(others, { header: 1, gap: others.gap!, summary: 1 });
    assert.ok(others.gap! >= 1);
  });

  it('path, live and of a recording, armed', async () => {
    const file = join(topology.dir, 'schema.taptrace');
    const live = checkLines(await printed(['path', '--json', '--arm', '-w', file, '--print', 'udp or icmp']));
    assert.ok(live.journey! >= 11, `${live.journey} journeys`);
    for (const [view, type] of [
      ['trace', 'event'],
      ['path', 'journey'],
      ['compare', 'comparison'],
    ] as const) {
      const { stdout } = await runTaptrace(['read', file, '--json', '--view', view]);
      assert.ok(checkLines(stdout)[type]! >= 1, view);
    }
  });

  it('compare', async () => {
    assert.deepEqual(checkLines(await printed(['compare', '--json'])), { comparison: 1 });
  });

  it('stages and doctor', async () => {
    for (const args of [['stages'], ['stages', '--arm', 'rx-tap'], ['doctor', '-v']])
      assert.deepEqual(checkLines((await runTaptrace([...args, '--json'])).stdout), { [args[0]!]: 1 });
  });
});
