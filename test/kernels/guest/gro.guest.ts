/** GRO by its functions: each frame that a device handed to it, which come out as fewer, larger packets. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { deviceCounts } from '../../support/oracles/devices.js';
import { patient } from '../../support/process.js';
import { chainOf, type Topology } from '../../support/topology.js';
import { type TraceEvent, Tracer } from '../../support/tracer.js';
import { iperf, withGroWaiting } from '../../support/traffic.js';
import type { End } from '../../support/world.js';
import { attachXdp } from '../../support/xdp.js';
import { rungName } from './rungs.js';
import { isSince } from './situation.js';

const GRO_WAIT_NS = 2_000_000;

/** End b hands what it receives to GRO: veth does so with an XDP program, and since 5.13 where GRO is on. */
async function withGro(a: End, b: End): Promise<void> {
  if (isSince('6.1')) await b.run(['ethtool', '-K', b.device, 'gro', 'on']);
  else await attachXdp(b, 'pass', 'xdpdrv');
  await a.run(['ethtool', '-K', a.device, 'tso', 'off']);
}

// napi_gro_receive by either, and gro_receive_skb, which took its place.
const mechanism = isSince('6.1') ? 'fentry' : 'kprobe';

describe(`GRO by ${mechanism}`, { timeout: patient(60_000) }, () => {
  let topology: Topology;
  let events: readonly TraceEvent[];
  let stderr: string;
  let received: number;
  before(async () => {
    topology = await chainOf('ab');
    const [a, b] = [topology.end('ab'), topology.end('ba')];
    await withGro(a, b);
    const rung = rungName({ stage: 'gro', mechanism });
    const args = ['--netns', b.netns.name, '--stages', 'gro,rx-tap', '--mechanism', rung];
    const tracer = await Tracer.start(args);
    const earlier = await deviceCounts(b, 'rx');
    await withGroWaiting(b, GRO_WAIT_NS, () => iperf(a, b, b.ipv4, '256K'));
    received = (await deviceCounts(b, 'rx')).packets - earlier.packets;
    ({ events, stderr } = await tracer.stop());
  });
  after(() => topology?.close());

  const at = (name: string) => events.filter(({ stage }) => stage === name);
  /** `GSO: stands for 3 segments of 1448 bytes`; others are one frame. */
  const frames = ({ notes = [] }: TraceEvent) =>
    Number(/stands for (\d+) segments/.exec(notes.join())?.[1] ?? 1);

  it('sees each frame that the device received', () => {
    assert.equal(at('gro').length, received, stderr);
    assert.deepEqual([...new Set(at('gro').map(({ mechanism: by }) => by))], [mechanism]);
  });
  it('the tap behind it sees fewer packets, which stand for all of them', () => {
    assert.ok(at('rx-tap').length < received, `${at('rx-tap').length} of ${received}`);
    assert.equal(
      at('rx-tap').reduce((sum, event) => sum + frames(event), 0),
      received,
    );
  });
});
