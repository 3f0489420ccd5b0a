/** The library gives what the command line prints, ends when it is told to, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  compare,
  doctor,
  path,
  read,
  readComparison,
  readPath,
  stages,
  TaptraceError,
  trace,
} from 'taptrace';
import { packagePath } from '../../src/native/binding.js';
import { runTaptrace } from '../support/cli.js';
import { Child, patient } from '../support/process.js';
import { sendUdp } from '../support/scenario.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';

const skip = cannotRunLive() ?? false;
const PORT = 7007;
const COUNT = 5;

let world: World;
before(async () => {
  if (skip) return;
  world = await createWorld();
});
after(() => world?.close());

const both = () => ({ netns: [world.a.netns.name, world.b.netns.name], filter: `udp port ${PORT}` });
const send = () => sendUdp(world.a, world.b.ipv4, PORT, COUNT);

/** What this process has open of BPF: programs, links, maps. */
function openBpf(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // the one that read the directory
    }
  });
  return targets.filter((target) => /^anon_inode:\[?bpf/.test(target)).length;
}

async function caught(work: () => Promise<unknown>): Promise<TaptraceError> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof TaptraceError, String(error));
    return error;
  }
  return assert.fail('it did not fail');
}

describe('live', { skip }, () => {
  it('gives events, one by one, and ends after so many', async () => {
    const run = trace({ ...both(), count: 2 * COUNT });
    const { plan, type } = await run.header;
    assert.deepEqual([type, Object.keys(plan).sort()], ['header', ['rx-tap', 'tx-tap']]);
    await send();
    const seen: string[] = [];
    for await (const event of run) seen.push(`${event.stage} ${event.ifname} ${event.dport}`);
    const of = (what: string) => seen.filter((text) => text === what).length;
    assert.deepEqual(
      [of(`tx-tap va ${PORT}`), of(`rx-tap vb ${PORT}`), seen.length],
      [COUNT, COUNT, 2 * COUNT],
    );
    const { reason, events, complete } = await run.summary;
    assert.deepEqual([reason, events, complete], ['count', 2 * COUNT, true]);
  });

  it('gives batches, and a signal ends it in good order with all that was seen', async () => {
    const abort = new AbortController();
    const run = trace({ ...both(), signal: abort.signal });
    await run.header;
    await send();
    setTimeout(() => abort.abort(), 300);
    let events = 0;
    for await (const batch of run.batches()) events += batch.length;
    assert.equal(events, 2 * COUNT);
    assert.equal((await run.summary).reason, 'asked');
  });

  it('detaches when the loop is left, and when its block is', async () => {
    {
      await using run = trace(both());
      await run.header;
      assert.ok(openBpf() > 0);
      await send();
      for await (const { stage } of run) {
        assert.equal(stage, 'tx-tap');
        break;
      }
      assert.equal(openBpf(), 0);
    }
    {
      await using run = trace(both());
      await run.header;
    }
    assert.equal(openBpf(), 0);
  });

  it('gives whole journeys', async () => {
    const run = path({ ...both(), count: COUNT });
    await run.header;
    await send();
    for await (const { events, branches, end } of run) {
      const order = events.map(({ stage }) => stage).filter((stage) => stage.endsWith('-tap'));
      assert.deepEqual(order, ['tx-tap', 'rx-tap']);
      assert.ok(branches.length > 0);
      assert.equal(end.reason, 'NO_SOCKET');
    }
    assert.equal((await run.summary).packets, COUNT);
  });

  it('gives a comparison', async () => {
    const result = compare({ ...both(), count: COUNT, seconds: 20, onNotice: () => undefined });
    // There is no header to wait for: whenever it begins to watch, packets go by.
    const traffic = setInterval(() => void send(), 500);
    const { packets, dropped, findings } = await result.finally(() => clearInterval(traffic));
    assert.deepEqual([packets, dropped], [COUNT, COUNT]);
    assert.ok(findings.some(({ reason }) => reason === 'NO_SOCKET'));
  });

  it('fails by errors with stable codes', async () => {
    const first = async (options: Parameters<typeof trace>[0]) => {
      for await (const _ of trace(options)) return;
    };
    const codes = [];
    for (const options of [
      { filter: 'udp port nowhere or' },
      { interfaces: ['nothere0'] },
      { stages: ['no-stage' as 'rx-tap'] },
      { snaplen: -1 },
      { snaplength: 5 } as object,
      { arm: true, observe: true },
      { signal: AbortSignal.abort() },
    ])
      codes.push((await caught(() => first(options))).code);
    assert.deepEqual(codes, ['filter', 'not-found', 'usage', 'usage', 'usage', 'usage', 'failure']);
    assert.equal((await caught(() => read('/nowhere').header)).code, 'recording');
    assert.equal((await caught(() => trace({ interfaces: ['nothere0'] }).summary)).code, 'not-found');
  });
});

describe('reports', { skip }, () => {
  it('are what the command line prints', async () => {
    const printed = async (command: string): Promise<unknown> =>
      JSON.parse((await runTaptrace([command, '--json'])).stdout);
    assert.deepEqual(stages(), await printed('stages'));
    const { machine, ...report } = doctor();
    const { machine: _, ...other } = (await printed('doctor')) as Record<string, unknown>;
    assert.deepEqual(report, other);
    assert.ok(machine.btf.vmlinux);
  });
});

describe('a recording', { skip }, () => {
  let file = '';
  const printed = async (view: string): Promise<unknown[]> => {
    const { stdout } = await runTaptrace(['read', file, '--view', view, '--json', 'udp']);
    const lines = stdout.trim().split('\n');
    return lines.map((line) => JSON.parse(line) as unknown);
  };

  before(async () => {
    file = join(world.dir, 'library.taptrace');
    const { netns } = both();
    const argv = ['path', '-w', file, ...netns.flatMap((name) => ['--netns', name])];
    const child = new Child([...tracerCommand(), ...argv]);
    await child.until(() => child.stderr.includes('watching'), 'header', patient(30_000));
    await send();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal((await child.stop('SIGINT')).code, 0, child.stderr);
  });

  it('gives line by line what the command line prints', async () => {
    for (const [view, open] of [
      ['trace', read],
      ['path', readPath],
    ] as const) {
      const run = open(file, { filter: 'udp' });
      const values: unknown[] = [];
      for await (const value of run) values.push(value);
      const all = [await run.header, ...values, await run.summary];
      assert.ok(values.length >= COUNT);
      assert.deepEqual(JSON.parse(JSON.stringify(all)), await printed(view));
    }
    assert.deepEqual([await readComparison(file, { filter: 'udp' })], await printed('compare'));
  });

  it('ends after so many events', async () => {
    const run = read(file, { filter: 'udp', count: 3 });
    const taken = [];
    for await (const { seq } of run) taken.push(seq);
    assert.deepEqual(taken, [1, 2, 3]);
  });

  it('of the examples', async () => {
    const { stdout, exit } = await runExample('conversations', [file]);
    assert.equal(exit.code, 0);
    assert.match(stdout, /^10 udp 192\.0\.2\.1 > 192\.0\.2\.2$/m);
  });
});

const example = (name: string): string[] => [process.execPath, packagePath(`dist/examples/${name}.js`)];

async function runExample(name: string, args: readonly string[]) {
  const child = world.a.spawn([...example(name), ...args]);
  const exit = await child.exited;
  return { exit, stdout: child.stdout, stderr: child.stderr };
}

describe('examples', { skip }, () => {
  /** Packets go by until it has seen what it waits for. */
  async function withTraffic(name: string, args: readonly string[]) {
    const traffic = setInterval(() => void send(), 300);
    const { exit, stdout, stderr } = await runExample(name, args).finally(() => clearInterval(traffic));
    assert.equal(exit.code, 0, stderr);
    return stdout;
  }

  it('first-packets', async () => {
    const stdout = await withTraffic('first-packets', ['va', '3', 'udp']);
    assert.match(stdout, /^(\S+ tx-tap va: IP 192\.0\.2\.1\.\d+ > 192\.0\.2\.2\.7007: UDP.*\n){3}$/);
  });

  it('why-dropped', async () => {
    const stdout = await withTraffic('why-dropped', ['2', 'icmp']);
    assert.match(stdout, /packets; nothing was lost/);
  });

  it('rates', async () => {
    const stdout = await withTraffic('rates', ['2', 'taps', 'udp']);
    const [, packets, bytes] = /^tx-tap: (\d+) packets, (\d+) bytes$/m.exec(stdout) ?? assert.fail(stdout);
    assert.ok(Number(packets) >= COUNT && Number(bytes) > Number(packets) * 42);
    assert.match(stdout, /"ring":0/);
  });
});
