import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MissingError } from '../../../src/errors.js';
import { explainFailure } from '../../../src/trace/failures.js';

const nativeError = (operation: string, code: string): Error =>
  Object.assign(new Error(`${operation}: strerror`), { operation, errno: 1, code });

const circumstances = {
  native: { memlockLimit: (): number | null => null },
  ...{ ringBytes: 512 << 20, rings: 2 },
  memoryLimit: () => ({ bytes: 200 << 20, file: '/sys/fs/cgroup/a/memory.max' }),
};

function explained(error: Error, changes: Partial<typeof circumstances> = {}): MissingError {
  const result = explainFailure(error, { ...circumstances, ...changes });
  assert.ok(result instanceof MissingError);
  assert.equal(result.exitCode, 3);
  assert.equal(result.cause, error);
  return result;
}

test('no memory for rings: how much was asked for, what the memory cgroup allows, and -B', () => {
  for (const operation of ['create ring buffer', 'map ring buffer', 'create BPF maps']) {
    const { message, hint } = explained(nativeError(operation, 'ENOMEM'));
    assert.equal(
      message,
      'no memory for 2 ring buffers of 512 MiB (one for each CPU): the memory cgroup allows 200 MiB (/sys/fs/cgroup/a/memory.max)',
    );
    assert.match(hint!, /--buffer-size \(-B\), or raise that limit$/);
  }
});

test('no memory without a limit', () => {
  const changes = { ringBytes: 4096, rings: 1, memoryLimit: () => null as never };
  const { message, hint } = explained(nativeError('create ring buffer', 'ENOMEM'), changes);
  assert.equal(message, 'no memory for 1 ring buffer of 4 KiB (one for each CPU)');
  assert.match(hint!, /--buffer-size \(-B\)$/);
});

test('BPF memory that RLIMIT_MEMLOCK limits', () => {
  const changes = { native: { memlockLimit: () => 64 << 10 } };
  for (const operation of ['create ring buffer', 'create BPF maps']) {
    const { message, hint } = explained(nativeError(operation, 'EPERM'), changes);
    assert.match(message, /^RLIMIT_MEMLOCK \(ulimit -l\) allows 64 KiB of BPF memory/);
    assert.match(hint!, /CAP_SYS_RESOURCE/);
  }
});

test('a packet socket that may not be opened', () => {
  assert.match(explained(nativeError('open packet socket', 'EPERM')).message, /CAP_NET_RAW/);
});

test('everything else stays what it is', () => {
  for (const error of [
    nativeError('create ring buffer', 'EPERM'),
    nativeError('create ring buffer', 'EINVAL'),
    nativeError('read /proc/x', 'ENOMEM'),
    nativeError('open packet socket', 'ENODEV'),
    new Error('create ring buffer'),
  ])
    assert.equal(explainFailure(error, circumstances), error);
});
