/** Wireshark's side of extcap, as tshark plays it: lists our interfaces, captures from them, ends them. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { linesSaid, runTaptrace, runToEnd } from '../support/cli.js';
import { Child, patient, run } from '../support/process.js';
import { createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['tshark']) ?? false;
const PACKETS = 20;
const fields = ['frame.interface_name', 'frame.packet_id', 'udp.dstport', 'frame.comment'];

const extcap = (...args: string[]) => runTaptrace(['extcap', ...args]);

/** Processes that capture for this interface. */
function capturing(name: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.includes('--capture') && words.includes(name) && words.includes('--fifo');
      } catch {
        return false;
      }
    });
}

describe('extcap', { skip }, () => {
  const home = mkdtempSync(join(tmpdir(), 'taptrace-home-'));
  const inHome = ['env', `HOME=${home}`, `XDG_CONFIG_HOME=${join(home, '.config')}`];
  let world: QuietWorld;
  let captures: string;

  const tshark = (...args: string[]) => [
    ...['ip', 'netns', 'exec', world.a.netns.name],
    ...[...inHome, 'tshark', '-l', '-w', captures, '-P', ...args],
  ];

  before(async () => {
    world = await createQuietWorld();
    captures = join(home, 'captured.pcapng');
    await run([...inHome, ...tracerCommand(), 'extcap', '--install', '--profile']);
  });
  after(async () => {
    await run([...inHome, ...tracerCommand(), 'extcap', '--uninstall']);
    world?.close();
    rmSync(home, { recursive: true, force: true });
  });

  it('tshark lists every device of its namespace, as taps and as whole path', async () => {
    const { stdout } = await runToEnd([
      ...['ip', 'netns', 'exec', world.a.netns.name],
      ...[...inHome, 'tshark', '-D'],
    ]);
    const offered = [...stdout.matchAll(/^\d+\. (taptrace-\S+) \((.*)\)$/gm)].map(([, value, display]) => [
      value,
      display,
    ]);
    const expected = ['all devices', 'lo', world.a.device].flatMap((device) => [
      [`taptrace-taps${device === 'all devices' ? '' : `-${device}`}`, `kernel taps: ${device}`],
      [`taptrace-path${device === 'all devices' ? '' : `-${device}`}`, `whole path: ${device}`],
    ]);
    assert.deepEqual(offered.sort(), expected.sort());
  });

  /** A capture that is running: the first packets sent to it are seen. */
  async function started(...args: string[]): Promise<Child> {
    const child = new Child(tshark(...args, '-T', 'fields', ...fields.flatMap((name) => ['-e', name])));
    const giveUpMs = Date.now() + patient(30_000);
    while (child.stdout === '') {
      assert.ok(Date.now() < giveUpMs && !child.hasEnded, `nothing captured: ${child.stderr}`);
      await flood(world, 1, 1000);
      await sleep(patient(200));
    }
    return child;
  }

  it('tshark shows live packets with their stage; stopping it stops us', async () => {
    const name = `taptrace-taps-${world.a.device}`;
    const child = await started('-i', name, '-f', 'udp');
    const before = child.stdout.split('\n').length - 1;
    await flood(world, PACKETS, 1000);
    await child.until(() => child.stdout.split('\n').length - 1 >= before + PACKETS, 'packets');
    assert.equal(capturing(name).length, 1);
    assert.deepEqual(await child.stop('SIGINT'), { code: 0, signal: null }, child.stderr);
    const lines = child.stdout.trimEnd().split('\n').slice(before);
    assert.ok(lines.length >= PACKETS, child.stdout);
    for (const line of lines) {
      const [stage, , port, comment] = line.split('\t');
      assert.equal(stage, `tx-tap@${world.a.device}`);
      assert.ok(Number(port) > 0, line);
      assert.match(comment!, /^tx-tap in (dev_hard_start_xmit|dev_queue_xmit_nit)/);
    }
    assert.doesNotMatch(child.stderr, /extcap pipe|taptrace:/);
    await assertGone(name);
  });

  it('stages, by an option as Wireshark keeps it, are those that are captured, numbered by packet, in the profile too', async () => {
    const preference = `extcap.taptrace_path_${world.a.device}.stages:tx-tap,dev-queue,drop,consume`;
    const child = await started('-i', `taptrace-path-${world.a.device}`, '-o', preference);
    await flood(world, PACKETS, 1000);
    await sleep(patient(500));
    assert.deepEqual(await child.stop('SIGINT'), { code: 0, signal: null }, child.stderr);
    const seen = child.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    const stages = new Set(seen.map(([stage]) => stage!.split('@')[0]));
    assert.deepEqual([...stages].sort(), ['dev-queue', 'tx-tap']);
    const [, packet] = seen.at(-1)!;
    assert.deepEqual(
      seen.filter(([, id]) => id === packet).map(([stage]) => stage!.split('@')[0]),
      ['dev-queue', 'tx-tap'],
    );
    const shown = await run([...inHome, 'tshark', '-C', 'taptrace', '-r', captures]);
    assert.match(shown, new RegExp(`dev-queue@${world.a.device} .* dev-queue in __dev_queue_xmit`));
  });

  it('ends when Wireshark is killed', async () => {
    const name = `taptrace-taps-${world.a.device}`;
    const child = await started('-i', name);
    assert.equal(capturing(name).length, 1);
    await child.stop('SIGKILL');
    await assertGone(name);
  });

  async function assertGone(name: string): Promise<void> {
    const giveUpMs = Date.now() + patient(10_000);
    while (capturing(name).length > 0 && Date.now() < giveUpMs) await sleep(50);
    assert.deepEqual(capturing(name), []);
  }

  it('a bad filter, a bad stage: tshark shows our message', async () => {
    const said = await runToEnd(tshark('-i', 'taptrace-taps-lo', '-f', 'udp prt 7'), patient(60_000));
    assert.match(said.stderr, /Error by extcap pipe: taptrace: filter 'udp prt 7': .*syntax error/);
    const preference = 'extcap.taptrace_taps_lo.stages:tapz';
    const stage = await runToEnd(tshark('-i', 'taptrace-taps-lo', '-o', preference), patient(60_000));
    assert.match(stage.stderr, /Error by extcap pipe: taptrace: unknown stage 'tapz': did you mean taps/);
  });

  it('says of a filter what is wrong with it, and nothing of a good one', async () => {
    const ask = (filter: string) =>
      extcap('--extcap-interface', 'taptrace-taps-lo', '--extcap-capture-filter', filter);
    assert.match((await ask('udp prt 7')).stdout, /^filter 'udp prt 7': .*\n$/);
    assert.deepEqual(await ask('udp port 7'), { exit: { code: 0, signal: null }, stdout: '', stderr: '' });
  });

  it('bad arguments: one clear line, exit 2', async () => {
    for (const [args, what] of [
      [[], /extcap is for Wireshark/],
      [['--nonsense'], /Unknown option '--nonsense'/],
      [['--extcap-interface', 'eth0', '--extcap-dlts'], /no interface "eth0" is ours/],
      [['--extcap-interface', 'taptrace-taps-lo'], /nothing is asked of taptrace-taps-lo/],
      [['--extcap-interface', 'taptrace-taps-lo', '--capture'], /--capture needs --fifo/],
    ] as const) {
      const said = await extcap(...args);
      assert.deepEqual(said.exit, { code: 2, signal: null });
      assert.equal(said.stdout, '');
      assert.match(linesSaid(said)[0]!, what);
    }
  });

  it("leaves a program of somebody else's alone", async () => {
    const folder = join(home, 'extcap');
    assert.equal((await extcap('--install', '--dir', folder)).exit.code, 0);
    const path = join(folder, 'taptrace');
    writeFileSync(path, '#!/bin/sh\n');
    const said = await extcap('--install', '--dir', folder);
    assert.equal(said.exit.code, 1);
    assert.match(linesSaid(said)[0]!, /is not from taptrace/);
    assert.equal(readFileSync(path, 'utf8'), '#!/bin/sh\n');
  });
});
