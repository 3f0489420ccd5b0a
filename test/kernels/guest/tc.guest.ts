/**
 * tc by the function that runs its filters: what a clsact qdisc counted, with packets that its filters drop, and
 * redirect into another device.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { mirredPackets } from '../../support/oracles/devices.js';
import { patient, run } from '../../support/process.js';
import { addQuietLink, createQuietWorld, type QuietLink, type QuietWorld } from '../../support/quiet.js';
import { type TraceEvent, type TraceResult, Tracer } from '../../support/tracer.js';
import { type End, toolPath } from '../../support/world.js';
import { isSince } from './situation.js';

/** By the UDP port that they are sent to. */
const sent = {
  ...{ droppedIn: { port: 1, count: 11 }, redirectedIn: { port: 2, count: 12 } },
  ...{ droppedOut: { port: 3, count: 13 }, redirectedOut: { port: 4, count: 14 } },
  passed: { port: 5, count: 15 },
} as const;
type Fate = keyof typeof sent;

const inlinedInto = {
  'tc-ingress': '__netif_receive_skb_core',
  'tc-egress': '__dev_queue_xmit',
} as const;

/** A clsact qdisc whose filters drop one port and send another one out of `aside`. */
async function filters(
  { netns, device }: End,
  way: 'ingress' | 'egress',
  drop: number,
  redirect: number,
  aside: string,
) {
  const add = `filter add dev ${device} ${way} protocol ip u32 match ip dport`;
  const lines = [
    `qdisc add dev ${device} clsact`,
    `${add} ${drop} 0xffff action drop`,
    `${add} ${redirect} 0xffff action mirred egress redirect dev ${aside}`,
  ];
  await run(['tc', '-n', netns.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

interface ClsactCounts {
  /** Packets that it was asked about. */
  readonly packets: number;
  readonly drops: number;
  readonly redirected: number;
}

async function clsactCounts(end: End): Promise<ClsactCounts> {
  const shown = await run([
    'tc',
    '-n',
    end.netns.name,
    '-s',
    '-j',
    'qdisc',
    'show',
    'dev',
    end.device,
    'clsact',
  ]);
  const qdisc = (JSON.parse(shown) as { kind: string; packets: number; drops: number }[]).find(
    ({ kind }) => kind === 'clsact',
  )!;
  return { packets: qdisc.packets, drops: qdisc.drops, redirected: await mirredPackets(end) };
}

/** The other way round in old and new kernels. */
const mechanisms = isSince('6.1')
  ? ({ 'tc-ingress': 'fentry', 'tc-egress': 'kprobe' } as const)
  : ({ 'tc-ingress': 'kprobe', 'tc-egress': 'fentry' } as const);

describe(`tcf_classify by ${Object.values(mechanisms).join(' and ')}`, { timeout: patient(60_000) }, () => {
  let world: QuietWorld;
  let aside: QuietLink;
  let result: TraceResult;
  let counts: { readonly in: ClsactCounts; readonly out: ClsactCounts };

  before(async () => {
    world = await createQuietWorld();
    aside = await addQuietLink(world, 'd');
    const { a, b } = world;
    await filters(b, 'ingress', sent.droppedIn.port, sent.redirectedIn.port, aside.b.device);
    await filters(a, 'egress', sent.droppedOut.port, sent.redirectedOut.port, aside.a.device);
    const netns = [a, b].flatMap((end) => ['--netns', end.netns.name]);
    const rungs = Object.entries(mechanisms).flatMap(([stage, by]) => ['--mechanism', `${stage}=${by}`]);
    const stages = ['--stages', 'tc-ingress,tc-egress,start-xmit,drop,consume'];
    const tracer = await Tracer.start([...netns, ...stages, ...rungs]);
    const flood = `${toolPath('udp_flood')} --to ${b.ipv4} --rate 1000`;
    const floods = Object.values(sent).map(({ port, count }) => `${flood} --port ${port} --count ${count}`);
    await a.send(['bash', '-c', floods.join(' && ')]);
    counts = { in: await clsactCounts(b), out: await clsactCounts(a) };
    result = await tracer.stop();
  });
  after(() => world?.close());

  const packets = (fate: Fate, stage: string, { device }: End): number[] =>
    result.events
      .filter(
        (event: TraceEvent) =>
          event.stage === stage && event.ifname === device && event.dport === sent[fate].port,
      )
      .map(({ packet }) => packet!);
  const all = (stage: string, { device }: End) =>
    result.events.filter((event) => event.stage === stage && event.ifname === device);

  it('the qdiscs counted what was sent', () => {
    const { droppedIn, redirectedIn, droppedOut, redirectedOut, passed } = sent;
    const isIn = droppedIn.count + redirectedIn.count + passed.count;
    assert.deepEqual(counts.in, { packets: isIn, drops: droppedIn.count, redirected: redirectedIn.count });
    const isOut = isIn + droppedOut.count + redirectedOut.count;
    assert.deepEqual(counts.out, {
      packets: isOut,
      drops: droppedOut.count,
      redirected: redirectedOut.count,
    });
  });
  it('each way: as many packets as its qdisc, on no other device', () => {
    for (const [stage, end, { packets: counted }] of [
      ['tc-ingress', world.b, counts.in],
      ['tc-egress', world.a, counts.out],
    ] as const) {
      const events = result.events.filter((event) => event.stage === stage);
      assert.equal(events.length, counted, result.stderr);
      assert.deepEqual(
        [...new Set(events.map(({ ifname, mechanism: by }) => `${ifname} ${by}`))],
        [`${end.device} ${mechanisms[stage]}`],
      );
    }
  });
  it('what a filter drops ends there', () => {
    for (const [fate, stage, end, { drops }] of [
      ['droppedIn', 'tc-ingress', world.b, counts.in],
      ['droppedOut', 'tc-egress', world.a, counts.out],
    ] as const) {
      assert.deepEqual(packets(fate, 'drop', end), packets(fate, stage, end));
      assert.equal(packets(fate, 'drop', end).length, drops);
      const places = all('drop', end).filter(({ dport }) => dport === sent[fate].port);
      // Reasons came with 5.17: before, the function that both hooks are inlined into tells.
      const told = places.map(({ diedIn }) => (isSince('6.1') ? diedIn!.stage : diedIn!.function));
      const place = isSince('6.1') ? stage : inlinedInto[stage];
      assert.deepEqual([...new Set(told)], [place]);
    }
  });
  it('what a filter redirects goes on as the same packet at the other device', () => {
    assert.deepEqual(
      packets('redirectedIn', 'start-xmit', aside.b),
      packets('redirectedIn', 'tc-ingress', world.b),
    );
    assert.equal(packets('redirectedIn', 'start-xmit', aside.b).length, counts.in.redirected);
    assert.deepEqual(
      packets('redirectedOut', 'start-xmit', aside.a),
      packets('redirectedOut', 'tc-egress', world.a),
    );
    assert.equal(packets('redirectedOut', 'start-xmit', aside.a).length, counts.out.redirected);
    assert.deepEqual(packets('redirectedOut', 'start-xmit', world.a), []);
  });
});
