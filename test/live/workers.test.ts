/** The addon in worker threads: several traces in one process, and threads that end without closing theirs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { nativeBinding } from '../../src/native/binding.js';
import { createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import type { WorkerMessage, WorkerTask } from '../support/trace-worker.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['bpftool']) ?? false;
const SCRIPT = new URL('../support/trace-worker.js', import.meta.url);
const PACKETS = 300;

let world: QuietWorld;
let residue: Residue;
const netnsNames = () => [world.a.netns.name, world.b.netns.name];
before(async () => {
  if (skip) return;
  world = await createQuietWorld();
  residue = bpfResidue(netnsNames());
});
after(() => world?.close());
afterEach(async () => {
  if (!skip) assert.deepEqual(await residueSince(residue, netnsNames()), [], 'left in the kernel');
});

/** A worker that traces one end. */
class Tracing {
  readonly worker: Worker;
  readonly exited: Promise<unknown[]>;

  constructor(task: WorkerTask) {
    this.worker = new Worker(SCRIPT, { workerData: task });
    this.exited = once(this.worker, 'exit');
  }

  /** The next thing it says; an error in it is thrown here. */
  async next(): Promise<WorkerMessage> {
    const [message] = await once(this.worker, 'message');
    return message as WorkerMessage;
  }
}

async function start(arm: boolean): Promise<Tracing[]> {
  const workers = netnsNames().map((netns) => new Tracing({ netns, arm }));
  const said = await Promise.all(workers.map((worker) => worker.next()));
  assert.deepEqual(said, [{ kind: 'attached' }, { kind: 'attached' }]);
  return workers;
}

describe('the addon in two worker threads at once', { skip }, () => {
  for (const arm of [false, true])
    it(`traces in both, and both close ${arm ? 'with packet sockets' : ''}`, async () => {
      const workers = await start(arm);
      await flood(world, PACKETS, 10_000);
      for (const { worker } of workers) worker.postMessage('stop');
      const said = await Promise.all(workers.map((worker) => worker.next()));
      assert.deepEqual(said, new Array(2).fill({ kind: 'ended', tapped: PACKETS, complete: true }));
      assert.deepEqual(await Promise.all(workers.map(({ exited }) => exited)), [[0], [0]]);
    });

  for (const [name, end] of [
    ['are terminated', ({ worker }: Tracing) => worker.terminate()],
    ['end themselves', ({ worker }: Tracing) => worker.postMessage('leave')],
  ] as const)
    it(`leaves nothing when they ${name} without closing`, async () => {
      const workers = await start(true);
      await flood(world, PACKETS, 10_000);
      for (const worker of workers) end(worker);
      await Promise.all(workers.map(({ exited }) => exited));
      assert.deepEqual(await residueSince(residue, netnsNames()), []);
    });
});

describe('a session', { skip }, () => {
  const open = () =>
    new (nativeBinding().Session)({ ringBytes: 4096, rings: 1, mapEntries: { counters: 1 } });

  it('may be closed twice, and before anything was loaded', () => {
    const session = open();
    session.close();
    session.close();
  });
  it('gives nothing once it is closed, and says so where it matters', () => {
    const session = open();
    session.close();
    assert.equal(session.drain(0, new Uint8Array(8), 0, new Uint32Array(1)), 0);
    session.pollStart(() => assert.fail('called'));
    session.pollStop();
    session.detachAll();
    const nothing = { object: new Uint8Array(8), program: 'none', constants: {} };
    assert.throws(() => session.load(nothing), /the session is closed/);
    assert.throws(() => session.programStats(0), /no such program/);
    assert.throws(() => session.mapGet('live', new Uint8Array(4), 8), /no such map/);
    assert.throws(() => session.fillBytes(0), /no such ring buffer/);
  });
});
