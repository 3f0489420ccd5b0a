/**
 * A recording alone, whose rings the addon reads by itself: every packet that the kernel counted is in it or told as
 * lost, at the place where it is missing.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ChunkReader } from '../../src/record/chunk-reader.js';
import { readClosing } from '../../src/record/closing.js';
import { InputFile } from '../../src/record/input-file.js';
import { runTaptrace } from '../support/cli.js';
import { Child, patient } from '../support/process.js';
import { type Counts, countsDuring, createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive() ?? false;
const PACKETS = 20_000;
/** Has room for all of them, however long the recorder has to wait for a CPU. */
const roomy = ['--buffer-size', '32M'];
const PACKETS_PER_SECOND = 50_000;

let world: QuietWorld;
const directory = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
before(async () => {
  if (!skip) world = await createQuietWorld();
});
after(() => {
  world?.close();
  rmSync(directory, { recursive: true });
});

interface Recorded {
  readonly path: string;
  readonly counts: Counts;
  readonly stderr: string;
}

/** Records the taps of both ends while packets are sent; `stopped`: the recorder sleeps meanwhile. */
async function recorded(name: string, args: readonly string[], stopped = false): Promise<Recorded> {
  const path = join(directory, name);
  const namespaces = [world.a, world.b].flatMap(({ netns }) => ['--netns', netns.name]);
  const child = new Child([...tracerCommand(), 'trace', '-w', path, ...namespaces, ...args]);
  await child.until(() => child.stderr.includes('taptrace: watching'), 'start', patient(60_000));
  if (stopped) child.kill('SIGSTOP');
  const counts = await countsDuring(world, () => flood(world, PACKETS, PACKETS_PER_SECOND));
  child.kill('SIGCONT');
  const { code } = await child.stop('SIGINT', patient(60_000));
  assert.equal(code, 0, child.stderr);
  return { path, counts, stderr: child.stderr };
}

const linesIn = async (path: string): Promise<{ type: string; stage: string }[]> =>
  (await runTaptrace(['read', path, '--json'])).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; stage: string });

async function kindsIn(path: string): Promise<string[]> {
  const reader = new ChunkReader(InputFile.open(path).stream);
  await reader.begins();
  const kinds: string[] = [];
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) kinds.push(chunk.kind);
  return kinds;
}

describe('a recording alone', { skip }, () => {
  for (const args of [[], ['--compress']])
    it(`${args.join(' ')} has every packet that the kernel counted, and says so at its end`, async () => {
      const { path, counts } = await recorded('all.taptrace', [...roomy, ...args]);
      const lines = await linesIn(path);
      const at = (stage: string): number => lines.filter((line) => line.stage === stage).length;
      assert.deepEqual([at('tx-tap'), at('rx-tap')], [counts.sentByA, counts.receivedByB]);
      assert.equal(counts.receivedByB, PACKETS);
      const { index, summary } = readClosing(path)!;
      const sum = index.spans.reduce((total, { events }) => total + Number(events), 0);
      assert.deepEqual([sum, Number(summary.events)], [2 * PACKETS, 2 * PACKETS]);
      const { stdout } = await runTaptrace(['read', path, '--info']);
      assert.match(stdout, /^events: 40000 in \d+\.\d s, nothing was lost\nbytes: \d+\n/);
      assert.ok(stdout.includes(`bytes: ${statSync(path).size}\n`));
    });

  it('tells what its rings had no room for, before the events behind the gap', async () => {
    const { path, counts, stderr } = await recorded('lost.taptrace', ['--buffer-size', '64K'], true);
    const lines = await linesIn(path);
    const { events, lost, complete } = lines.at(-1) as unknown as {
      events: number;
      lost: { ring: number };
      complete: boolean;
    };
    assert.ok(lost.ring > PACKETS && events > 50, `${events} events, ${lost.ring} lost`);
    assert.equal(events + lost.ring, counts.sentByA + counts.receivedByB);
    assert.equal(complete, false);
    assert.match(stderr, new RegExp(`${events} events in .* NOT complete`));
    assert.match(
      (await runTaptrace(['read', path, '--info'])).stdout,
      new RegExp(`${lost.ring} events were lost`),
    );
  });

  it('marks a gap where it is found, so that a file that was cut behind it knows', async () => {
    const path = join(directory, 'gap.taptrace');
    const namespaces = [world.a, world.b].flatMap(({ netns }) => ['--netns', netns.name]);
    const child = new Child([
      ...[...tracerCommand(), 'trace', '-w', path, ...namespaces, '--buffer-size', '64K'],
    ]);
    await child.until(() => child.stderr.includes('taptrace: watching'), 'start', patient(60_000));
    child.kill('SIGSTOP');
    await flood(world, PACKETS, PACKETS_PER_SECOND);
    const written = (): number => statSync(path).size;
    const before = written();
    child.kill('SIGCONT');
    await child.until(() => written() > before + 20_000, 'what the ring held', patient(10_000));
    const full = written();
    await flood(world, 100, 1000);
    await child.until(() => written() > full + 10_000, 'what came later', patient(10_000));
    await child.stop('SIGKILL');
    const kinds = await kindsIn(path);
    assert.ok(kinds.indexOf('loss') > kinds.indexOf('records'), kinds.join(' '));
    assert.equal(kinds[kinds.indexOf('loss') + 1], 'round');
    assert.ok(!kinds.includes('summary'));
  });
});
