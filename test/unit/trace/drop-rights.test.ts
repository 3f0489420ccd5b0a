import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Netns } from '../../../src/system/netns.js';
import { dropRights, laterWork } from '../../../src/trace/drop-rights.js';
import { v612 } from '../attach/kernels.js';
import { plan } from '../attach/requests.js';
import { binding, here } from '../support/machine.js';

const free = { mapsNeedCapability: () => false };
const at = (path: string): Netns => ({ inum: 1, path, name: 'blue' });
const passive = plan('taps', v612);

test('what a trace will still do, from its plan and its namespaces', () => {
  const own = laterWork(passive, { all: false, list: [here] }, free, false);
  assert.deepEqual(
    Object.entries(own).filter(([, needed]) => needed),
    [],
  );
  const armed = laterWork(plan('taps', v612, { arm: true }), { all: false, list: [here] }, free, false);
  assert.deepEqual(armed, { ...own, armsDevices: true });
  const all = laterWork(passive, { all: true, list: [here] }, free, false);
  assert.deepEqual(all, { ...own, entersNetns: true, looksAtProcesses: true });
  const process = laterWork(passive, { all: false, list: [at('/proc/1/ns/net')] }, free, false);
  assert.deepEqual(process, { ...own, entersNetns: true, looksAtProcesses: true });
  const maps = laterWork(passive, { all: false, list: [here] }, { mapsNeedCapability: () => true }, false);
  assert.deepEqual(maps, { ...own, mapsNeedCapability: true });
  const rules = laterWork(passive, { all: false, list: [here] }, free, true);
  assert.deepEqual(rules, { ...own, listensToRules: true });
});

test("a namespace in another user's closed directory", (t) => {
  if (process.geteuid!() !== 0) return t.skip('needs root: gives a directory to another user');
  const directory = mkdtempSync(join(tmpdir(), 'taptrace-rights-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const closed = join(directory, 'closed');
  mkdirSync(closed);
  writeFileSync(join(closed, 'blue'), '');
  const searches = (): boolean =>
    laterWork(passive, { all: false, list: [at(join(closed, 'blue'))] }, free, false).searchesDirectories;
  assert.equal(searches(), false);
  chownSync(closed, 65534, 65534);
  chmodSync(closed, 0o700);
  assert.equal(searches(), true);
  chmodSync(closed, 0o711);
  assert.equal(searches(), false);
});

const work = { ...laterWork(passive, { all: false, list: [here] }, free, false), armsDevices: true };

test('the numbers of what is kept go to the addon', () => {
  const asked: (readonly number[])[] = [];
  const native = binding({
    dropCapabilities: (kept) => {
      asked.push(kept);
      return [];
    },
  });
  const { kept, failure } = dropRights(native, ['CAP_NET_RAW', 'CAP_BPF'], work);
  assert.deepEqual(asked, [[13]]);
  assert.deepEqual(
    kept.map(({ name }) => name),
    ['CAP_NET_RAW'],
  );
  assert.equal(failure, undefined);
});

test('threads that kept more, and a kernel that refuses, are told', () => {
  const left = binding({ dropCapabilities: () => [{ tid: 7, name: 'iou-sqp-1\u001b' }] });
  assert.equal(
    dropRights(left, [], work).failure,
    'capabilities could not be dropped in the threads iou-sqp-1\\x1b (7)',
  );
  const refuses = binding({
    dropCapabilities: () => {
      throw Object.assign(new Error('drop capabilities: Operation not permitted'), {
        ...{ operation: 'drop capabilities', errno: 1, code: 'EPERM' },
      });
    },
  });
  assert.match(dropRights(refuses, [], work).failure!, /: drop capabilities: Operation not permitted$/);
});
