/**
 * A worker thread that traces: says when it is attached, ends its trace when told to and says what it saw.
 * Told to `leave`, it ends itself with everything open.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { nativeBinding } from '../../src/native/binding.js';
import { expandStages } from '../../src/stages/lookup.js';
import type { TraceOptions } from '../../src/trace/options.js';
import { Trace } from '../../src/trace/trace.js';

/** What the worker is given. */
export interface WorkerTask {
  readonly netns: string;
  readonly arm: boolean;
}

/** What it says. */
export type WorkerMessage =
  | { readonly kind: 'attached' }
  | { readonly kind: 'ended'; readonly tapped: number; readonly complete: boolean | 'unknown' };

const { netns, arm } = workerData as WorkerTask;
const say = (message: WorkerMessage) => parentPort!.postMessage(message);

const options: TraceOptions = {
  ...{ stages: expandStages(['taps']).stages, interfaces: [], netns: [netns], arm },
  ...{ snaplen: 96, ringBytes: 1 << 20, observeOnly: false, mechanisms: new Map(), stacks: false },
  ...{ failOnLoss: false, lineBuffered: false },
};
const trace = new Trace(nativeBinding(), options, {
  isCongested: false,
  header: () => say({ kind: 'attached' }),
  event: () => undefined,
  flush: () => undefined,
  notice: () => undefined,
});
parentPort!.on('message', (order: 'stop' | 'leave') => {
  if (order === 'leave') process.exit(0);
  trace.stop('asked');
});
const { events, ledger } = await trace.run();
say({ kind: 'ended', tapped: events, complete: ledger.complete });
parentPort!.close();
