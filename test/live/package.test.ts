/** The npm package works where nothing can be built and nothing can be fetched. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packagePath } from '../../src/native/binding.js';
import { type Installed, inRoot, installPackage, minimalRoot } from '../support/package.js';
import { type Child, patient } from '../support/process.js';
import { ping } from '../support/traffic.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';

const skip = cannotRunLive(['npm', 'chroot', 'unshare']) ?? false;
const MAIN = 'dist/bin/taptrace/main.js';

let world: World;
let installed: Installed;
before(async () => {
  if (skip) return;
  world = await createWorld();
  installed = installPackage(world.dir);
});
after(() => world?.close());

/** Waits until it watches, makes traffic, waits for its end. */
async function whilePinging(child: Child): Promise<string> {
  await child.until(() => child.stderr.includes('watching'), 'header', patient(30_000));
  await ping(world.a, world.b.ipv4, 3, 56);
  const { code } = await child.exited;
  assert.equal(code, 0, child.stderr);
  return child.stdout;
}

const manifest = (root: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;

describe('the package', { skip }, () => {
  it('needs no other package and runs nothing when it is installed', () => {
    const { dependencies, optionalDependencies, scripts } = manifest(installed.root);
    assert.deepEqual([dependencies, optionalDependencies], [undefined, undefined]);
    const atInstall = ['preinstall', 'install', 'postinstall', 'prepare'];
    assert.deepEqual(
      Object.keys(scripts as object).filter((name) => atInstall.includes(name)),
      [],
    );
  });

  it('is what this tree builds', () => {
    const bytes = (path: string): Buffer => readFileSync(path);
    assert.deepEqual(bytes(join(installed.root, MAIN)), bytes(packagePath(MAIN)), 'run "make package"');
  });

  it('traces real packets by npx, with a filter', async () => {
    const { folder, env } = installed;
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const command = ['npx', '--offline', 'taptrace', 'trace', '-i', 'va', '-c', '2', 'icmp'];
    const stdout = await whilePinging(world.a.spawn(['env', '-C', folder, '-i', ...words, ...command]));
    assert.match(stdout, /tx-tap .* va IP 192\.0\.2\.1 > 192\.0\.2\.2: ICMP echo request/);
    assert.match(stdout, /rx-tap .* va IP 192\.0\.2\.2 > 192\.0\.2\.1: ICMP echo reply/);
  });

  it('needs no library but those of node', async () => {
    const root = minimalRoot(world.dir, installed);
    const command = ['/bin/node', `/node_modules/taptrace/${MAIN}`, '-i', 'va', '-c', '1', 'icmp'];
    const stdout = await whilePinging(world.a.spawn(inRoot(root, command)));
    assert.match(stdout, /^\S+ tx-tap .* ICMP echo request/);
  });
});
