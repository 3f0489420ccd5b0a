/**
 * Starts and stops traces in one process, again and again: `rounds.js NETNS ROUNDS [--arm]`. Prints a JSON line
 * with what the process holds at every tenth of the way. Needs --expose-gc.
 */
import { readdirSync } from 'node:fs';
import { nativeBinding } from '../../src/native/binding.js';
import { expandStages } from '../../src/stages/lookup.js';
import type { TraceOptions } from '../../src/trace/options.js';
import { Trace, type TraceSink } from '../../src/trace/trace.js';

const CHECKPOINTS = 10;
const [netns = '', roundsText = '', ...flags] = process.argv.slice(2);
const rounds = Number(roundsText);

const options: TraceOptions = {
  ...{ stages: expandStages(['taps', 'consume']).stages, interfaces: [], netns: [netns] },
  ...{ snaplen: 96, ringBytes: 1 << 20, arm: flags.includes('--arm'), observeOnly: false },
  ...{ mechanisms: new Map(), stacks: true, failOnLoss: false, lineBuffered: false },
};

/** Ends each trace at its first event, or once it is attached. */
async function round(untilEvent: boolean): Promise<void> {
  const sink: TraceSink = {
    isCongested: false,
    header: () => {
      if (!untilEvent) trace.stop('asked');
    },
    event: () => trace.stop('asked'),
    flush: () => undefined,
    notice: () => undefined,
  };
  const trace = new Trace(nativeBinding(), options, sink);
  const { ledger } = await trace.run();
  if (ledger.lost.ring > 0) throw new Error('lost events: the rounds are not alike');
}

for (let at = 1; at <= rounds; at += 1) {
  await round(at % 2 === 0);
  if (at % (rounds / CHECKPOINTS) !== 0) continue;
  globalThis.gc!();
  const held = { descriptors: readdirSync('/proc/self/fd').length, rssBytes: process.memoryUsage.rss() };
  process.stdout.write(`${JSON.stringify({ round: at, ...held })}\n`);
}
