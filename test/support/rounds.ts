/**
 * Starts and stops traces in one process, again and again: `rounds.js NETNS ROUNDS CHECKPOINTS`. At every
 * checkpoint it prints a JSON line with what the process holds. Needs --expose-gc.
 */
import { readdirSync, statSync } from 'node:fs';
import { probeFeatures } from '../../src/attach/features.js';
import { openSession } from '../../src/attach/session.js';
import { nativeBinding } from '../../src/native/binding.js';
import { expandStages } from '../../src/stages/lookup.js';
import { possibleCpus } from '../../src/system/kernel.js';
import { Consumer } from '../../src/trace/consumer.js';
import type { TraceOptions } from '../../src/trace/options.js';
import { Trace, type TraceSink } from '../../src/trace/trace.js';

/** ARPHRD_LOOPBACK is 772. */
const LOOPBACK = { ifindex: 1, type: 772 };
const RING_BYTES = 1 << 20;
/** A whole trace in every so many rounds: it asks the kernel first, which takes as long as the rest. */
const WHOLE_TRACE_EVERY = 5;

const [netnsName = '', ...counts] = process.argv.slice(2);
const [rounds = 0, checkpoints = 1] = counts.map(Number);
const native = nativeBinding();
const { stages } = expandStages(['rx-tap']);
const features = probeFeatures(native, stages);
const netns = { path: `/run/netns/${netnsName}`, inum: statSync(`/run/netns/${netnsName}`).ino };

/** A whole trace, as a command runs it, until its first event. */
async function traceRound(arm: boolean): Promise<void> {
  const options: TraceOptions = {
    ...{ stages, interfaces: [], netns: [netnsName], snaplen: 96, ringBytes: RING_BYTES, arm },
    ...{ observeOnly: false, mechanisms: new Map(), stacks: true, failOnLoss: false, lineBuffered: false },
  };
  const sink: TraceSink = {
    isCongested: false,
    header: () => undefined,
    event: () => trace.stop('asked'),
    flush: () => undefined,
    notice: () => undefined,
  };
  const trace = new Trace(native, options, sink);
  await trace.run();
}

/** Its kernel side and its consumer alone, until the first event. */
async function sessionRound(arm: boolean): Promise<void> {
  const request = {
    ...{ stages, arm, observeOnly: false, mechanisms: new Map(), selectDevices: false },
    netnsInum: netns.inum,
  };
  const settings = { ringBytes: RING_BYTES, cpus: possibleCpus(), snaplen: 96, stacks: false };
  const { session } = openSession(native, request, features, settings);
  if (arm) session.arm(netns, LOOPBACK);
  await new Promise<void>((resolve, reject) => {
    const take = () => consumer.halt();
    const consumer = new Consumer(native, session.native, settings.cpus, take, resolve, reject);
    consumer.start();
  });
  session.detachAll();
  session.close();
}

for (let round = 1; round <= rounds; round += 1) {
  const arm = round % 2 === 0;
  await (round % WHOLE_TRACE_EVERY === 0 ? traceRound(arm) : sessionRound(arm));
  if (round % (rounds / checkpoints) !== 0) continue;
  globalThis.gc!();
  const descriptors = readdirSync('/proc/self/fd').length;
  process.stdout.write(`${JSON.stringify({ round, descriptors, rssBytes: process.memoryUsage.rss() })}\n`);
}
