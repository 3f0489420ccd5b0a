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
  link = await addQuietLink(world, 'n', { a: DEVICE, b: PEER });
});
after(() => {
  world?.close();
  if (directory) rmSync(directory, { recursive: true });
});

const namespaces = () => ['--netns', world.a.netns.name, '--netns', world.b.netns.name];

/** Traces until the device goes away, which is said as well. */
async function trace(args: readonly string[]): Promise<Child> {
  const child = new Child([...tracerCommand(), ...namespaces(), ...args], {});
  await child.until(() => child.stderr.includes('armed'), 'header');
  await link.a.run([join(directory, PROGRAM), '--to', link.b.ipv4, '--count', '3']);
  const events = () => child.stdout.split(args.includes('--json') ? SHOWN_PROGRAM : '198.18.').length;
  await child.until(() => events() > 3, 'events');
  return child;
}

describe('names that hold control characters', { skip }, () => {
  for (const args of [[], ['-e', '--stack'], ['--json'], ['--json', '--arm']])
    it(`are shown as hex: ${args.join(' ') || 'text'}`, async () => {
      const child = await trace(args);
      await child.stop('SIGINT');
      for (const text of [child.stdout, child.stderr]) {
        assert.doesNotMatch(text, OBEYED);
        assert.ok(text.includes(args.includes('--json') ? SHOWN_DEVICE.replaceAll('\\', '\\\\') : SHOWN_DEVICE));
      }
    });
});
