/** Drops in chains that no BPF link reaches, ARP and bridge: placed by their stack, counted by the rule that did it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { loadNft, nftCounter } from '../support/oracles/nft.js';
import { sendUdp } from '../support/scenario.js';
import { bridgeOf, type Topology } from '../support/topology.js';
import { type TraceEvent, Tracer } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['nft', 'bridge', 'arping']) ?? false;
const PACKETS = 20;
const BRIDGE_ADDRESS = '198.18.0.254';

let topology: Topology;
before(async () => {
  if (!skip) topology = await bridgeOf('ab');
});
after(() => topology?.close());

/** What a trace of the bridge's namespace shows while something is sent. */
async function traceBridge(stages: string, use: () => Promise<unknown>): Promise<readonly TraceEvent[]> {
  const { netns } = topology.host('s');
  const tracer = await Tracer.start(['--netns', netns.name, '--stages', stages]);
  await use();
  const { events, summary } = await tracer.stop();
  assert.equal(summary.complete, true);
  return events;
}

interface Chain {
  readonly family: 'bridge' | 'arp';
  readonly hook: string;
  readonly stage: string;
  readonly rule: string;
  send(): Promise<unknown>;
}

const port = 4000;
const fromA = (to: string) => sendUdp(topology.end('as'), to, port, PACKETS);
const overBridge = () => fromA(topology.end('bs').ipv4);
const fromBridge = () => topology.host('s').run(['bash', '-c', repeat(`echo > /dev/udp/198.18.0.2/${port}`)]);
const repeat = (command: string) => `for i in $(seq ${PACKETS}); do ${command}; done`;
const udpRule = `udp dport ${port}`;
/** ARP requests that nobody answers end with an exit code of their own. */
const askForBridge = () =>
  topology.host('a').run(['bash', '-c', `arping -c 3 -w 2 -I as ${BRIDGE_ADDRESS} || true`]);

const chains: readonly Chain[] = [
  { family: 'bridge', hook: 'prerouting', stage: 'nf-prerouting', rule: udpRule, send: overBridge },
  {
    ...{ family: 'bridge', hook: 'input', stage: 'nf-input', rule: udpRule },
    send: () => fromA(BRIDGE_ADDRESS),
  },
  { family: 'bridge', hook: 'forward', stage: 'nf-forward', rule: udpRule, send: overBridge },
  { family: 'bridge', hook: 'output', stage: 'nf-output', rule: udpRule, send: fromBridge },
  { family: 'bridge', hook: 'postrouting', stage: 'nf-postrouting', rule: udpRule, send: overBridge },
  { family: 'arp', hook: 'input', stage: 'nf-input', rule: 'arp operation request', send: askForBridge },
  { family: 'arp', hook: 'output', stage: 'nf-output', rule: 'arp operation reply', send: askForBridge },
];

describe('drops in chains that no link reaches', { skip }, () => {
  for (const { family, hook, stage, rule, send } of chains)
    it(`${family} ${hook}`, async () => {
      const host = topology.host('s');
      await loadNft(
        host,
        `table ${family} deaths {
          counter dropped { }
          chain ${hook} { type filter hook ${hook} priority 0; ${rule} counter name dropped drop; }
        }`,
      );
      const events = await traceBridge('drop', send);
      const dropped = await nftCounter(host, 'dropped');
      await host.run(['nft', 'delete', 'table', family, 'deaths']);
      assert.ok(dropped > 0, 'the rule dropped nothing');
      const drops = events.filter(({ reason }) => reason === 'NETFILTER_DROP');
      assert.equal(drops.length, dropped);
      assert.deepEqual(
        [...new Set(drops.map(({ diedIn }) => `${diedIn?.stage} ${diedIn?.position} ${diedIn?.family}`))],
        [`${stage} in ${family}`],
      );
    });
});

describe('netif-rx', { skip }, () => {
  it('shows a packet once for each device that hands it over: the port, then the bridge', async () => {
    const host = topology.host('s');
    const received = async (device: string) =>
      Number(await host.run(['cat', `/sys/class/net/${device}/statistics/rx_packets`]));
    const before = [await received('sa'), await received('br0')];
    const events = await traceBridge('netif-rx', () => fromA(BRIDGE_ADDRESS));
    const after = [await received('sa'), await received('br0')];
    const seen = (device: string) => events.filter(({ ifname }) => ifname === device);
    assert.deepEqual(
      [seen('sa').length, seen('br0').length],
      after.map((count, index) => count - before[index]!),
    );
    assert.deepEqual(
      [seen('sa')[0]?.function, seen('br0')[0]?.function],
      ['netif_rx_internal', 'netif_receive_skb'],
    );
  });
});
