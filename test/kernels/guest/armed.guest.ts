/** What a kernel shows at its taps by default: from which function, and whether the device is armed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { addNetns, type Netns, nextNetnsNames } from '../../support/netns.js';
import { Child } from '../../support/process.js';
import { createQuietWorld, flood, type QuietWorld } from '../../support/quiet.js';
import { type TraceEvent, Tracer } from '../../support/tracer.js';
import { isConfidential, isSince, tapsAreGlobal } from './situation.js';

const PACKETS = 50;

/** Under confidentiality the tracepoint behind it is preferred where it sees packet bytes and fentry does not. */
const watchesNit = !isConfidential || !isSince('6.12');

let world: QuietWorld;
let elsewhere: Netns;
before(async () => {
  world = await createQuietWorld();
  elsewhere = await addNetns(nextNetnsNames()[0]);
});
after(() => {
  elsewhere?.remove();
  world?.close();
});

/** The events of packets sent from a to b, seen at both ends. */
async function traceFlood(): Promise<{ tx: TraceEvent[]; rx: TraceEvent[]; stderr: string }> {
  const { a, b } = world;
  const tracer = await Tracer.start(['--netns', a.netns.name, '--netns', b.netns.name]);
  await flood(world, PACKETS, 1000);
  const { events, exit, stderr } = await tracer.stop();
  assert.deepEqual(exit, { code: 0, signal: null }, stderr);
  const at = (stage: string, ifname: string) =>
    events.filter((event) => event.stage === stage && event.ifname === ifname);
  const [tx, rx] = [at('tx-tap', a.device), at('rx-tap', b.device)];
  assert.deepEqual([tx.length, rx.length], [PACKETS, PACKETS]);
  return { tx, rx, stderr };
}

const valuesOf = (events: readonly TraceEvent[], name: keyof TraceEvent): unknown[] => [
  ...new Set(events.map((event) => event[name])),
];

const saysWouldBe = ({ notes }: TraceEvent): boolean => notes?.includes('would be tapped here') ?? false;

async function whileTcpdump(argv: readonly string[], use: () => Promise<void>): Promise<void> {
  const tcpdump = new Child([...argv, '-w', '/dev/null']);
  await tcpdump.until(() => tcpdump.stderr.includes('listening on'), 'capture start');
  try {
    await use();
  } finally {
    await tcpdump.stop('SIGINT');
  }
}

const inNetns = ({ name }: Netns): string[] => ['ip', 'netns', 'exec', name];

describe('by default', () => {
  it('nobody taps: events at the transmit tap are not armed, and would be tapped there', async () => {
    const { tx } = await traceFlood();
    const isKnown = watchesNit || !tapsAreGlobal;
    assert.deepEqual(valuesOf(tx, 'armed'), [isKnown ? false : 'unknown']);
    assert.deepEqual(valuesOf(tx, 'function'), ['dev_hard_start_xmit']);
    assert.equal(tx.filter(saysWouldBe).length, isKnown ? PACKETS : 0);
  });

  it('tcpdump taps the device: events come from the functions of the taps, armed', async () => {
    const { a } = world;
    await whileTcpdump([...inNetns(a.netns), 'tcpdump', '-i', a.device], async () => {
      const { tx, rx } = await traceFlood();
      assert.deepEqual(valuesOf(tx, 'armed'), [true]);
      assert.equal(tx.filter(saysWouldBe).length, 0);
      assert.deepEqual(valuesOf(tx, 'function'), [watchesNit ? 'dev_queue_xmit_nit' : 'dev_hard_start_xmit']);
      assert.deepEqual(valuesOf(tx, 'mechanism'), [watchesNit ? 'fentry' : 'inferred']);
      const suffix = isSince('6.1') ? '.constprop.0' : '';
      assert.deepEqual(valuesOf(rx, 'function'), [`__netif_receive_skb_core${suffix}`]);
      const best = isSince('6.1') ? 'kprobe' : 'fentry';
      assert.deepEqual(valuesOf(rx, 'mechanism'), [isConfidential ? 'tp_btf' : best]);
    });
  });

  it('tcpdump on every device of another namespace arms this one where all share a tap list', async () => {
    await whileTcpdump([...inNetns(elsewhere), 'tcpdump', '-i', 'any'], async () => {
      const { tx, stderr } = await traceFlood();
      if (tapsAreGlobal) {
        assert.deepEqual(valuesOf(tx, 'armed'), [watchesNit ? true : 'unknown']);
        assert.equal(tx.filter(saysWouldBe).length, 0);
        assert.match(stderr, /armed from other namespaces too, .*: tcpdump \(pid \d+\) in /);
      } else {
        assert.deepEqual(valuesOf(tx, 'armed'), [false]);
        assert.equal(tx.filter(saysWouldBe).length, PACKETS);
        assert.doesNotMatch(stderr, /armed from other namespaces/);
      }
    });
  });
});
