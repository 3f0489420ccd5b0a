/** However a trace ends, nothing of it remains in the kernel, it says how it went, and its exit code is right. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { linesSaid, runInShell } from '../support/cli.js';
import { Child, type Exit } from '../support/process.js';
import { createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { Tracer, tracerCommand } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['bpftool']) ?? false;
const SUMMARY = /^\d+ events? in [\d.]+ s, /;

let world: QuietWorld;
let residue: Residue;
const netnsNames = () => [world.a.netns.name, world.b.netns.name];
const namespaces = () => netnsNames().flatMap((name) => ['--netns', name]);

before(async () => {
  if (skip) return;
  world = await createQuietWorld();
  residue = bpfResidue(netnsNames());
});
after(() => world?.close());
afterEach(async () => {
  if (!skip) assert.deepEqual(await residueSince(residue, netnsNames()), [], 'left in the kernel');
});

/** Starts a trace as text and waits until it is attached. */
async function start(args: readonly string[]): Promise<Child> {
  const child = new Child([...tracerCommand(), ...args], {});
  await child.until(() => child.stderr.includes('armed'), 'header');
  return child;
}

const code = (value: number): Exit => ({ code: value, signal: null });

function assertSummedUp(child: { stderr: string }, times = 1): void {
  assert.equal(linesSaid(child).filter((line) => SUMMARY.test(line)).length, times, child.stderr);
}

interface Mode {
  readonly args: readonly string[];
  readonly signals: readonly NodeJS.Signals[];
  readonly format: readonly string[];
}

const MODES: readonly Mode[] = [
  { args: [], signals: ['SIGINT', 'SIGTERM', 'SIGHUP'], format: [] },
  { args: ['--arm'], signals: ['SIGINT'], format: ['--json'] },
  { args: ['--stages', 'all', '--stack'], signals: ['SIGTERM'], format: ['--json'] },
];

for (const { args: mode, signals, format } of MODES) {
  describe(`a trace ${mode.join(' ') || 'of both taps'}`, { skip }, () => {
    for (const signal of signals)
      it(`ends by ${signal} in good order`, async () => {
        const child = await start([...namespaces(), ...mode]);
        await flood(world, 50, 10_000);
        assert.deepEqual(await child.stop(signal), code(0), child.stderr);
        assertSummedUp(child);
        assert.match(child.stdout, /^\S+ tx-tap .* UDP, length 64/m);
      });

    it('leaves nothing when it is killed', async () => {
      const child = await start([...namespaces(), ...mode]);
      await flood(world, 50, 10_000);
      assert.deepEqual(await child.stop('SIGKILL'), { code: null, signal: 'SIGKILL' });
      assertSummedUp(child, 0);
    });

    it('ends when the reader of its output does', async () => {
      const line = 'set -o pipefail; "$@" | head -1 >/dev/null';
      const said = runInShell(line, [...namespaces(), ...mode, ...format]);
      const traffic = repeat(() => flood(world, 50, 10_000), said);
      const { exit, stderr } = await said;
      await traffic;
      assert.deepEqual(exit, code(0), stderr);
      assertSummedUp({ stderr });
    });
  });
}

/** Does it again and again until something else is over. */
async function repeat(action: () => Promise<void>, until: Promise<unknown>): Promise<void> {
  let over = false;
  const end = until.finally(() => {
    over = true;
  });
  while (!over) await action();
  await end;
}

describe('a trace that ends by itself', { skip }, () => {
  it('-c: after so many events', async () => {
    const tracer = await Tracer.start([...namespaces(), '-c', '7']);
    await flood(world, 50, 10_000);
    await tracer.child.exited;
    const { exit, events, summary, stderr } = await tracer.stop();
    assert.deepEqual(exit, code(0));
    assert.equal(events.length, 7);
    assert.equal(summary.events, 7);
    assertSummedUp({ stderr });
  });

  it('--duration: after so many seconds', async () => {
    const child = await start([...namespaces(), '--duration', '0.5']);
    const startMs = performance.now();
    assert.deepEqual(await child.exited, code(0));
    const seconds = (performance.now() - startMs) / 1000;
    assert.ok(seconds > 0.3 && seconds < 1.5, `${seconds} s`);
    assertSummedUp(child);
  });
});

describe('Ctrl-C', { skip }, () => {
  it('a second time, while the output does not go away: 130', async () => {
    const child = await start(namespaces());
    child.pauseOutput();
    await flood(world, 20_000, 50_000);
    child.kill('SIGINT');
    await child.until(() => child.stderr.includes(' events in '), 'summary');
    await sleep(200);
    assert.equal(child.hasEnded, false, 'it has to wait for its reader');
    child.kill('SIGINT');
    child.resumeOutput();
    assert.deepEqual(await child.exited, code(130));
  });

  it('at any moment of the start: nothing is left', async () => {
    for (let delayMs = 50; delayMs <= 750; delayMs += 100) {
      const child = new Child([...tracerCommand(), ...namespaces(), '--arm'], {});
      await sleep(delayMs);
      const exit = await child.stop('SIGINT');
      assert.ok(exit.code === 0 || exit.signal === 'SIGINT', `${delayMs} ms: ${JSON.stringify(exit)}`);
      assert.deepEqual(await residueSince(residue, netnsNames()), [], `after ${delayMs} ms`);
    }
  });
});
