/** Names that others gave may hold any byte: an interface and a program named by escape sequences drive no terminal. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { linesSaid, runTaptrace } from '../support/cli.js';
import { Child, run } from '../support/process.js';
import { addQuietLink, createQuietWorld, type QuietLink, type QuietWorld } from '../support/quiet.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive, toolPath } from '../support/world.js';

const skip = cannotRunLive() ?? false;
/** Colours in seven bits (ESC [) and in eight (CSI), and a new window title. */
const DEVICE = 'n\u001b[31mred';
const PEER = 'n\u009b31mred';
const PROGRAM = 'p\u001b]0;x\u0007';
const SHOWN_DEVICE = 'n\\x1b[31mred';
const SHOWN_PEER = 'n\\x9b31mred';
const SHOWN_PROGRAM = 'p\\x1b]0;x\\x07';
/** Everything that a terminal obeys but the line feed and the tab. */
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

let world: QuietWorld;
let link: QuietLink;
let directory: string;
before(async () => {
  if (skip) return;
  directory = mkdtempSync(join(tmpdir(), 'taptrace-terminal-'));
  copyFileSync(toolPath('udp_flood'), join(directory, PROGRAM));
  world = await createQuietWorld();
  link = await addQuietLink(world, 'n', [DEVICE, PEER]);
});
after(() => {
  world?.close();
  if (directory) rmSync(directory, { recursive: true });
});

const namespaces = () => ['--netns', world.a.netns.name, '--netns', world.b.netns.name];
const start = (args: readonly string[]) => new Child([...tracerCommand(), ...namespaces(), ...args], {});

/** Traces packets that the program sends from the device to its peer. */
async function trace(args: readonly string[]): Promise<Child> {
  const child = start(args);
  await child.until(() => child.stderr.includes('armed'), 'header');
  await link.a.run([join(directory, PROGRAM), '--to', link.b.ipv4, '--count', '3']);
  const eventsSeen = () => child.stdout.split('UDP, length').length - 1;
  await child.until(() => eventsSeen() >= 6, 'events');
  assert.deepEqual(await child.stop('SIGINT'), { code: 0, signal: null });
  return child;
}

function assertObeyedByNoTerminal({ stdout, stderr }: { stdout: string; stderr: string }): void {
  assert.doesNotMatch(stdout, OBEYED);
  assert.doesNotMatch(stderr, OBEYED);
}

describe('names that hold control characters', { skip }, () => {
  for (const args of [[], ['-e', '-x', '--stack'], ['--arm']])
    it(`are shown as hex in text${args.length ? ` with ${args.join(' ')}` : ''}`, async () => {
      const child = await trace(args);
      assertObeyedByNoTerminal(child);
      for (const name of [SHOWN_DEVICE, SHOWN_PEER]) {
        assert.ok(child.stdout.includes(name), child.stdout);
        assert.ok(child.stderr.includes(name), child.stderr);
      }
    });

  it('are shown as hex in JSON', async () => {
    const child = await trace(['--json']);
    assertObeyedByNoTerminal(child);
    const [header, ...events] = child.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const listed = header.interfaces.map(({ ifname }: { ifname: string }) => ifname);
    for (const name of [SHOWN_DEVICE, SHOWN_PEER]) {
      assert.ok(listed.includes(name), listed.join(', '));
      assert.ok(events.some(({ ifname }) => ifname === name));
    }
    assert.ok(events.some(({ task }) => task?.comm === SHOWN_PROGRAM));
  });

  it('are shown as hex in errors', async () => {
    const said = await runTaptrace([...namespaces(), '-i', 'nosuch0']);
    assertObeyedByNoTerminal(said);
    assert.ok(linesSaid(said)[1]!.includes(SHOWN_DEVICE), said.stderr);
  });

  it('are shown as hex when they go', async () => {
    const child = start(['-i', DEVICE]);
    await child.until(() => child.stderr.includes('armed'), 'header');
    await run(['ip', '-n', link.a.netns.name, 'link', 'del', DEVICE]);
    assert.deepEqual(await child.exited, { code: 1, signal: null });
    assertObeyedByNoTerminal(child);
    assert.ok(linesSaid(child).includes(`interface ${SHOWN_DEVICE} is gone`));
  });
});
