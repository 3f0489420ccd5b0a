/** --stack: the kernel functions that brought a packet to a stage, and nothing of our own among them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { type TraceEvent, type TraceResult, Tracer } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive() ?? false;
const PACKETS = 20;
/** What a BPF program puts on the stack: itself, a trampoline, the tracepoint or kprobe that called it. */
const OUR_FRAMES = /bpf|traceiter|kprobe|ftrace|^0x/;

let world: QuietWorld;
before(async () => {
  if (!skip) world = await createQuietWorld();
});
after(() => world?.close());

async function trace(args: readonly string[]): Promise<TraceResult> {
  const { a, b } = world;
  const tracer = await Tracer.start(['--netns', a.netns.name, '--netns', b.netns.name, ...args]);
  await flood(world, PACKETS, 1000);
  return tracer.stop();
}

function stacksAt({ events }: { events: readonly TraceEvent[] }, stage: string) {
  const chosen = events.filter((event) => event.stage === stage);
  assert.equal(chosen.length, PACKETS, stage);
  return chosen.map(({ stack }) => stack);
}

/** The name of a frame, without the suffix that the compiler gave its function. */
const functionOf = (frame: string) => frame.replace(/(\.[a-z]+(\.\d+)?)?(\+0x[0-9a-f]+)?( \[\w+\])?$/, '');

describe('--stack', { skip }, () => {
  let result: TraceResult;
  before(async () => {
    result = await trace(['--stack', '--stages', 'rx-tap,tx-tap,start-xmit']);
  });

  const innermost = { 'rx-tap': '__netif_receive_skb_core', 'start-xmit': 'dev_hard_start_xmit' };
  for (const [stage, name] of Object.entries(innermost)) {
    it(`names ${name} at ${stage}, and how it was reached`, () => {
      for (const stack of stacksAt(result, stage)) {
        assert.ok(stack, 'no stack');
        assert.equal(functionOf(stack[0]!), name);
        assert.ok(stack.length > 5, stack.join('\n'));
      }
    });
  }
  it('leads from a system call to the sender', () => {
    for (const stack of stacksAt(result, 'start-xmit')) {
      const names = stack!.map(functionOf);
      assert.ok(names.includes('udp_sendmsg') && names.includes('__dev_queue_xmit'), names.join('\n'));
    }
  });
  it('shows no frame of ours', () => {
    const frames = result.events.flatMap(({ stack }) => stack ?? []);
    assert.deepEqual(
      frames.filter((frame) => OUR_FRAMES.test(frame)),
      [],
    );
  });
});

describe('--stack with --arm', { skip }, () => {
  it('says that packet sockets give no stack, and gives none', async () => {
    const result = await trace(['--stack', '--arm']);
    for (const stage of ['rx-tap', 'tx-tap'])
      assert.deepEqual([...new Set(stacksAt(result, stage))], [undefined]);
    const note = /no kernel stack.*packet socket|packet socket.*no kernel stack/;
    assert.match(result.stderr, note);
    assert.match(JSON.stringify(result.header.notes), note);
  });
});

describe('without --stack', { skip }, () => {
  it('no event has one', async () => {
    const { events } = await trace([]);
    assert.ok(events.length > 0 && events.every(({ stack }) => stack === undefined));
  });
});
