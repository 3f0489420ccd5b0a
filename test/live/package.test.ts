/** The npm package works where nothing can be built and nothing can be fetched. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packagePath } from '../../src/native/binding.js';
import { type Installed, inRoot, installPackage, minimalRoot } from '../support/package.js';
import { type Child, patient, run } from '../support/process.js';
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

  it('can be imported, with types that a strict program compiles with', async () => {
    const { folder, env } = installed;
    const program = `
      import { trace, type EventLine } from 'taptrace';
      const run = trace({ interfaces: ['va'], filter: 'icmp', count: 1 });
      console.error((await run.header).type + ': watching');
      for await (const event of run) {
        const { stage, summary }: EventLine = event;
        console.log(stage, summary);
      }`;
    writeFileSync(join(folder, 'program.mts'), program);
    const options = [
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'esnext',
      '--types',
      'node',
    ];
    const compiler = [packagePath('node_modules/typescript/bin/tsc'), ...options];
    const types = [
      '--typeRoots',
      packagePath('node_modules/@types'),
      '--skipLibCheck',
      'false',
      '--ignoreConfig',
    ];
    await run([process.execPath, ...compiler, ...types, join(folder, 'program.mts')]);
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const child = world.a.spawn(['env', '-C', folder, '-i', ...words, 'node', 'program.mjs']);
    assert.match(await whilePinging(child), /^tx-tap IP 192\.0\.2\.1 > 192\.0\.2\.2: ICMP echo request/);
  });

  it('reads recordings without the addon, and says what a filter needs', async () => {
    const copy = join(world.dir, 'without/node_modules');
    cpSync(installed.root, join(copy, 'taptrace'), { recursive: true });
    rmSync(join(copy, 'taptrace/prebuilds'), { recursive: true });
    const file = packagePath('test/fixtures/record/path.format1.taptrace');
    const program = `
      import { read, readPath } from 'taptrace/format';
      const count = async (run) => {
        let all = 0;
        for await (const batch of run.batches()) all += batch.length;
        return all;
      };
      console.log(await count(read(${JSON.stringify(file)})), await count(readPath(${JSON.stringify(file)})));
      await count(read(${JSON.stringify(file)}, { filter: 'udp' })).catch(({ code, message }) => console.log(code, message));`;
    const stdout = await run([
      'env',
      '-C',
      dirname(copy),
      process.execPath,
      '--input-type=module',
      '-e',
      program,
    ]);
    assert.match(
      stdout,
      /^\d{2,} \d+\naddon there is no addon for linux-x64 .*: only recordings can be read, and without a filter$/m,
    );
    const main = join(copy, 'taptrace', MAIN);
    const shown = await run([process.execPath, main, 'read', file, '--view', 'path']);
    assert.match(shown, /^packet 1: /);
  });
});
