/** Native XDP on this kernel: what a program takes, beside the driver's own counters. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { linesSaid, runTaptrace } from '../support/cli.js';
import { comparing } from '../support/comparing.js';
import { driverStatistic } from '../support/oracles/devices.js';
import { run } from '../support/process.js';
import { createQuietWorld, type QuietWorld } from '../support/quiet.js';
import { type TraceResult, Tracer } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';
import { attachXdp, XDP_DROPPED_PORT } from '../support/xdp.js';

const skip = cannotRunLive(['ethtool', 'bpftool']) ?? false;
const DROPPED = 40;
const PASSED = 25;

interface Counted {
  readonly stage: string;
  readonly ifname: string;
  readonly program: { readonly id: number; readonly name?: string };
  readonly frames: Readonly<Record<string, number>>;
}

let world: QuietWorld;
before(async () => {
  if (!skip) world = await createQuietWorld();
});
after(() => world?.close());

async function send(): Promise<void> {
  for (const [port, count] of [
    [XDP_DROPPED_PORT, DROPPED],
    [XDP_DROPPED_PORT + 1, PASSED],
  ]) {
    const one = `echo 12345678 > /dev/udp/${world.b.ipv4}/${port}`;
    await world.a.send(['bash', '-c', `for i in $(seq ${count}); do ${one}; done`]);
  }
}

/** What the driver counted meanwhile. */
async function dropsDuring(use: () => Promise<void>): Promise<number> {
  const drops = () => driverStatistic(world.b, 'rx_queue_0_xdp_drops');
  const earlier = await drops();
  await use();
  return (await drops()) - earlier;
}

const netns = () => [world.a, world.b].flatMap((end) => ['--netns', end.netns.name]);

describe('native XDP, counted', { skip }, () => {
  let result: TraceResult;
  let drops = 0;
  let programId = 0;
  before(async () => {
    await attachXdp(world.b, 'drop', 'xdpdrv', { isPlain: true });
    const [link] = JSON.parse(
      await run(['ip', '-n', world.b.netns.name, '-j', '-d', 'link', 'show', 'dev', world.b.device]),
    );
    programId = link.xdp.prog.id;
    // Counts of the time before the run are not of the run.
    await send();
    const tracer = await Tracer.start([...netns(), '--stages', 'xdp,rx-tap']);
    drops = await dropsDuring(send);
    result = await tracer.stop();
  });

  it('the driver counted what was sent', () => assert.equal(drops, DROPPED));
  it('as many as the driver, of the program that the kernel names', () => {
    const { counted } = result.summary as unknown as { readonly counted: readonly Counted[] };
    assert.deepEqual(
      counted.map(({ stage, ifname, program, frames }) => ({ stage, ifname, program, drop: frames.drop })),
      [{ stage: 'xdp', ifname: 'vb', program: { id: programId, name: 'drop' }, drop: drops }],
    );
  });
  it('in one line for people', () =>
    assert.match(
      result.stderr,
      new RegExp(`xdp on vb: ${drops} frames dropped before they were packets \\(counted by the driver\\)`),
    ));
  it('what passed is at the tap, what was dropped is not', () => {
    const ports = result.events.filter(({ ifname }) => ifname === 'vb').map(({ dport }) => dport);
    assert.deepEqual(ports, Array(PASSED).fill(XDP_DROPPED_PORT + 1));
  });
  it('says nothing of devices whose program took nothing', async () => {
    const tracer = await Tracer.start([...netns(), '--stages', 'xdp,rx-tap']);
    const { stderr } = await tracer.stop();
    assert.doesNotMatch(stderr, /xdp on vb/);
  });
  it('is no stage to be watched alone', async () => {
    const said = await runTaptrace(['--stages', 'xdp', '--mechanism', 'xdp=counted', '--duration', '1']);
    assert.equal(said.exit.code, 3, said.stderr);
    assert.match(linesSaid(said)[0]!, /xdp: only counted/);
  });
  it('compare: a row, and who dropped them', async () => {
    let counted = 0;
    const { stages, findings, stderr } = await comparing([world.a, world.b], {}, async () => {
      counted = await dropsDuring(send);
    });
    const row = stages.find(({ stage }) => stage === 'xdp');
    assert.equal(row?.dropped, counted, stderr);
    const said = findings.filter(({ kind }) => kind === 'dropped-by-xdp');
    assert.deepEqual(
      said.map(({ packets }) => packets),
      [counted],
    );
    assert.match(
      said[0]!.text,
      new RegExp(
        `^${counted} frames were dropped by the XDP program \\(id ${programId}, drop\\) on vb.* cannot show them`,
      ),
    );
  });
});
