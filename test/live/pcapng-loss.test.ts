/** Lost events stand in a pcapng file where they are missing: epb_dropcount, and the whole of it as isb_ifdrop. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { run } from '../support/process.js';
import { createQuietWorld, flood, type QuietWorld, steerTo } from '../support/quiet.js';
import { Tracer, type TraceSummary, tracerCommand } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive() ?? false;
const FLOOD = 20_000;
const CALM = 50;
const directory = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
const fileOf = (name: string): string => join(directory, name);

let world: QuietWorld;
before(async () => {
  if (skip) return;
  world = await createQuietWorld();
  // A gap is known by the next number of the same CPU.
  await steerTo(world.b, 0);
});
after(() => {
  world?.close();
  rmSync(directory, { recursive: true });
});

/** Two floods that a stopped tracer loses most of, each with calm packets behind it. */
async function traced(file: string): Promise<TraceSummary> {
  const { b } = world;
  const place = ['--netns', b.netns.name, '-i', b.device, '--stages', 'rx-tap', '--buffer-size', '4'];
  const tracer = await Tracer.start([...place, '-w', file, '--print']);
  for (const round of [1, 2]) {
    tracer.child.kill('SIGSTOP');
    await flood(world, FLOOD, 50_000);
    tracer.child.kill('SIGCONT');
    await tracer.untilLines('"type":"event"', round);
    // What waited has been read by then, so that the calm packets find room.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await flood(world, CALM, 500);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const { exit, summary, stderr } = await tracer.stop();
  assert.equal(exit.code, 0, stderr);
  assert.ok(summary.lost.ring! > FLOOD, 'nothing was lost: the test proves nothing');
  return summary;
}

/** What tshark shows of each packet as lost before it. */
async function dropCounts(file: string): Promise<number[]> {
  const fields = ['-e', 'frame.drop_count', '-e', 'frame.interface_name'];
  const stdout = await run(['tshark', '-r', file, '-T', 'fields', ...fields]);
  const rows = stdout.trimEnd().split('\n');
  for (const row of rows) assert.match(row, /\trx-tap@/);
  return rows.map((row) => Number(row.split('\t')[0]));
}

const sum = (counts: readonly number[]): number => counts.reduce((total, one) => total + one, 0);

/** What the statistics at its end say. */
async function droppedOf(file: string): Promise<number> {
  const stdout = await run([...tracerCommand(), 'read', file, '--json']);
  return (JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as { dropped: number }).dropped;
}

async function assertAgrees(file: string, { events, lost }: TraceSummary): Promise<void> {
  const counts = await dropCounts(file);
  assert.equal(counts.length, events);
  assert.ok(counts.filter((count) => count > 0).length >= 2, JSON.stringify(counts));
  assert.equal(sum(counts), lost.ring);
  assert.equal(await droppedOf(file), lost.ring! + lost.recursion!);
}

describe('loss in pcapng', { skip }, () => {
  it('written live', async () => {
    const file = fileOf('live.pcapng');
    await assertAgrees(file, await traced(file));
  });

  it('made of a recording, also where a filter leaves out the packets around it', async () => {
    const [recording, file] = [fileOf('r.taptrace'), fileOf('read.pcapng')];
    const summary = await traced(recording);
    await run([...tracerCommand(), 'read', recording, '-w', file]);
    await assertAgrees(file, summary);
    await run([...tracerCommand(), 'read', recording, '-w', file, 'udp[15] & 1 = 0']);
    const counts = await dropCounts(file);
    assert.ok(counts.length < summary.events);
    assert.equal(sum(counts), summary.lost.ring);
  });
});
