/** A running trace holds no more than it needs, in any of its threads, as root and as an ordinary user. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CapabilityName, keptForMaps, threadCount, threadsWithMore } from '../support/capabilities.js';
import { linesSaid } from '../support/cli.js';
import { Nobody } from '../support/nobody.js';
import { Child, run } from '../support/process.js';
import { addQuietLink, createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive, type End } from '../support/world.js';

const skip = cannotRunLive(['bpftool', 'unshare']) ?? Nobody.cannotRun() ?? false;

/** Starts a trace as text and waits until it is attached. */
async function start(command: readonly string[]): Promise<Child> {
  const child = new Child(command, {});
  await child.until(() => /(un|)armed|nobody taps/.test(child.stderr), 'header');
  // Stands at the header's end, and may be written after its other lines.
  await sleep(100);
  return child;
}

const keptLine = ({ stderr }: Child): string | undefined =>
  linesSaid({ stderr }).find((line) => line.startsWith('capabilities'));

async function assertHoldsOnly(child: Child, forThisTrace: readonly CapabilityName[]): Promise<void> {
  const kept = [...forThisTrace, ...keptForMaps()];
  assert.ok(threadCount(child.pid) > 5, 'node has a pool of threads');
  assert.deepEqual(threadsWithMore(child.pid, kept), []);
  const line = keptLine(child);
  if (kept.length === 0) assert.equal(line, undefined);
  else
    for (const name of kept)
      assert.match(line!, new RegExp(`CAP_${name.toUpperCase()} \\(to .*all others dropped$`));
  assert.deepEqual(await child.stop('SIGINT'), { code: 0, signal: null }, child.stderr);
}

describe('capabilities of a running trace', { skip }, () => {
  const cases: readonly [readonly string[], readonly CapabilityName[]][] = [
    [['-i', 'lo'], []],
    [['-i', 'lo', '--stages', 'taps,drop,consume', '--stack'], []],
    [
      ['-i', 'lo', '--stages', 'nf-input'],
      ['net_admin', 'bpf', 'perfmon'],
    ],
    [['-i', 'lo', '--arm'], ['net_raw']],
    [
      ['--netns', 'all'],
      ['sys_admin', 'sys_ptrace'],
    ],
    [['--netns', String(process.ppid), '--netns', 'self'], []],
  ];
  for (const [args, kept] of cases)
    it(`root, ${args.join(' ')}: ${kept.join(', ') || 'none'}`, async () =>
      assertHoldsOnly(await start([...tracerCommand(), ...args]), kept));

  const nobody = skip ? undefined : new Nobody();
  after(() => nobody?.close());
  const ordinary: readonly [readonly string[], readonly CapabilityName[], readonly CapabilityName[]][] = [
    [['-i', 'lo'], ['bpf', 'perfmon'], []],
    [['-i', 'lo', '--arm'], ['bpf', 'perfmon', 'net_raw', 'net_admin'], ['net_raw']],
    [['-i', 'lo', '--arm'], ['bpf', 'net_raw'], ['net_raw']],
    [
      ['--netns', 'all'],
      ['bpf', 'perfmon', 'sys_admin', 'sys_ptrace'],
      ['sys_admin', 'sys_ptrace'],
    ],
  ];
  for (const [args, has, kept] of ordinary)
    it(`nobody with ${has.join(', ')}, ${args.join(' ')}: ${kept.join(', ') || 'none'}`, async () =>
      assertHoldsOnly(await start(nobody!.taptrace(has, args)), kept));
});

describe('giving up capabilities', { skip }, () => {
  it('every thread does, busy ones too, and those that start later have none', async () => {
    const script = fileURLToPath(new URL('../support/drop-capabilities.js', import.meta.url));
    const { threadsBefore, moreBefore, threadsLater, ...others } = JSON.parse(
      await run([process.execPath, script]),
    );
    assert.equal(moreBefore >= 2 * threadsBefore, true, 'every thread had more, permitted and effective');
    assert.ok(threadsLater > threadsBefore, 'a second worker');
    assert.deepEqual(others, {
      ...{ left: [], moreAfter: [], moreLater: [], readsInFlight: true, signals: 1 },
      ...{ handlersKept: true, uid: 0, noNewPrivileges: '1' },
    });
  });
});

describe('what was kept is enough', { skip }, () => {
  let world: QuietWorld;
  before(async () => {
    if (!skip) world = await createQuietWorld();
  });
  after(() => world?.close());

  /** What the trace saw leave this end: mechanisms of its tx-tap events. */
  const sentFrom = ({ netns }: End, { stdout }: Child): string[] =>
    stdout
      .split('\n')
      .filter(
        (line) =>
          line.startsWith('{"type":"event"') &&
          line.includes('"stage":"tx-tap"') &&
          line.includes(`"netns":${netns.inode},`),
      )
      .map((line) => (JSON.parse(line) as { mechanism: string }).mechanism);

  it('to arm a device that appears in another namespace', async () => {
    const child = await start([...tracerCommand(), '--netns', world.a.netns.name, '--arm', '--json']);
    const link = await addQuietLink(world, 'c');
    await sleep(600);
    await flood(link, 20, 10_000);
    assert.deepEqual(await child.stop('SIGINT'), { code: 0, signal: null }, child.stderr);
    assert.deepEqual(sentFrom(link.a, child), new Array<string>(20).fill('packet_socket'));
  });

  it('to name the devices of a namespace that appears', async () => {
    const child = await start([...tracerCommand(), '--netns', 'all']);
    const later = await createQuietWorld();
    await sleep(600);
    await flood(later, 20, 10_000);
    assert.deepEqual(await child.stop('SIGINT'), { code: 0, signal: null }, child.stderr);
    later.close();
    const label = ` tx-tap .* va@${later.a.netns.name} `;
    assert.equal(child.stdout.match(new RegExp(label, 'g'))?.length, 20);
  });

  it('to see that a namespace given by one of its processes is still there', async () => {
    const inside = world.a.spawn(['sleep', '60']);
    await sleep(200);
    const child = await start([...tracerCommand(), '--netns', String(inside.pid)]);
    assert.match(keptLine(child)!, /CAP_SYS_PTRACE \(to find the namespaces of processes\)/);
    await sleep(600);
    assert.equal(child.hasEnded, false, child.stderr);
    await inside.stop('SIGTERM');
    assert.deepEqual(await child.exited, { code: 1, signal: null }, child.stderr);
    assert.match(child.stderr, /is gone/);
  });
});
