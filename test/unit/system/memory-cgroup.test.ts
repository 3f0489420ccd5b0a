import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryLimit } from '../../../src/system/memory-cgroup.js';

const mounts = `22 1 0:20 / /sys rw shared:1 - sysfs sysfs rw
30 22 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate
31 22 0:27 / /cg/cpu rw - cgroup cgroup rw,cpu
32 22 0:28 / /cg/memory rw - cgroup cgroup rw,memory
`;

function limitOf(cgroup: string, files: Record<string, string>) {
  const all: Record<string, string> = {
    '/proc/self/cgroup': cgroup,
    '/proc/self/mountinfo': mounts,
    ...files,
  };
  return memoryLimit((file) => {
    const text = all[file];
    if (text === undefined) throw new Error(`ENOENT: ${file}`);
    return text;
  });
}

test('the smallest limit on the way up', () => {
  const files = {
    '/sys/fs/cgroup/a/b/c/memory.max': 'max\n',
    '/sys/fs/cgroup/a/b/memory.max': '200\n',
    '/sys/fs/cgroup/a/memory.max': '300\n',
  };
  assert.deepEqual(limitOf('0::/a/b/c\n', files), { bytes: 200, file: '/sys/fs/cgroup/a/b/memory.max' });
  assert.equal(limitOf('0::/\n', files), null);
});

test('version 1: the memory controller among others', () => {
  const cgroup = '9:cpu:/x\n4:memory:/a\n0::/\n';
  const file = '/cg/memory/a/memory.limit_in_bytes';
  assert.deepEqual(limitOf(cgroup, { [file]: '1000\n' }), { bytes: 1000, file });
  assert.equal(limitOf(cgroup, { [file]: '9223372036854771712\n' }), null);
});

test('no control groups, no limit', () => {
  assert.equal(limitOf('', {}), null);
  assert.equal(
    memoryLimit(() => {
      throw new Error('no /proc');
    }),
    null,
  );
});
