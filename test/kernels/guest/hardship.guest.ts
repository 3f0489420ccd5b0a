/** Poor circumstances and few rights on this guest's kernel: one clear line each, and exit 3 or a lower rung. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import {
  asNobody,
  asRootWithout,
  type CapabilityName,
  isKernelBefore,
  keptForMaps,
  threadsWithMore,
} from '../../support/capabilities.js';
import { runToEnd, type Said } from '../../support/cli.js';
import {
  assertOneClearLine,
  assertTraced,
  cannotLimitMemory,
  runWithMemory,
  short,
  taptrace,
  tracingDirectories,
  withHidden,
} from '../../support/hardships.js';
import { Child, run } from '../../support/process.js';

/** An emulated machine takes seconds to load one program. */
const SLOW_MS = 240_000;
const MIB = 1 << 20;
/** BPF memory counts against RLIMIT_MEMLOCK, and not against a memory cgroup. */
const chargesMemlock = isKernelBefore('5.11');
const mapsNeedBpf = keptForMaps();
const tracing: CapabilityName[] = ['bpf', 'perfmon'];

/** As nobody, with as much locked memory as BPF may need before 5.11. */
const nobody = (capabilities: readonly CapabilityName[], args: readonly string[]): string[] => [
  ...['sh', '-c', 'ulimit -l unlimited && exec "$@"', 'sh'],
  ...asNobody(capabilities, taptrace(args)),
];

const toEnd = (argv: readonly string[]): Promise<Said> => runToEnd(argv, SLOW_MS);

/** Starts a trace and waits for its header's last line but one. */
async function start(argv: readonly string[]): Promise<Child> {
  const child = new Child(argv, {});
  await child.until(() => /armed|nobody taps/.test(child.stderr), 'header', SLOW_MS);
  await run(['sleep', '2']);
  return child;
}

/** One packet each way over loopback, which may find nobody to answer. */
const sendOne = (): Promise<Said> => runToEnd(['ping', '-c', '1', '-W', '1', '127.0.0.1'], SLOW_MS);

/** Sends packets over loopback in a namespace until one of them is in the output, or for as long as a test may take. */
async function untilTraced(child: Child, line: RegExp, netns: string): Promise<void> {
  const giveUpMs = performance.now() + SLOW_MS;
  while (!line.test(child.stdout)) {
    assert.ok(performance.now() < giveUpMs, `no line like ${line}: ${child.stderr}`);
    await runToEnd(['ip', 'netns', 'exec', netns, 'ping', '-c', '1', '-W', '1', '127.0.0.1'], SLOW_MS);
  }
}

describe('hardship', () => {
  it('BTF hidden: says so, and what would help', async () => {
    const said = await toEnd(withHidden(['/sys/kernel/btf'], taptrace()));
    assertOneClearLine(said, /needs the kernel's BTF, and \/sys\/kernel\/btf\/vmlinux is not there/);
  });

  it('BTF hidden, with --arm: packet sockets need none', async () => {
    const said = await toEnd(withHidden(['/sys/kernel/btf'], taptrace([...short, '--arm'])));
    assertTraced(said);
    assert.match(said.stderr, /rx-tap by packet_socket .*tx-tap by packet_socket/);
  });

  it('no capability at all', async () =>
    assertOneClearLine(await toEnd(asNobody([], taptrace())), /: CAP_BPF \(.*CAP_PERFMON \(/));

  it('tracefs and debugfs hidden: traces', async () =>
    assertTraced(await toEnd(withHidden(tracingDirectories(), taptrace()))));

  const noKprobes = existsSync('/sys/bus/event_source/devices/kprobe') ? false : 'no kprobes here';
  it('tracefs and debugfs hidden: kprobes need neither', { skip: noKprobes }, async () => {
    const args = [...short, '--stages', 'rx-tap', '--mechanism', 'rx-tap=kprobe'];
    const said = await toEnd(withHidden(tracingDirectories(), taptrace(args)));
    assert.match(said.stderr, /watching rx-tap by kprobe/);
    assert.deepEqual(said.exit, { code: 0, signal: null }, said.stderr);
  });

  if (!chargesMemlock)
    it('a memory cgroup too small for the rings', { skip: cannotLimitMemory() ?? false }, async () => {
      const said = await runWithMemory(200 * MIB, taptrace([...short, '-B', '512M']), SLOW_MS);
      assertOneClearLine(said, /no memory for \d+ ring buffers? of 512 MiB .* allows 200 MiB/);
    });

  it(`RLIMIT_MEMLOCK of 64 KiB ${chargesMemlock ? 'is named' : 'does not matter'}`, async () => {
    const limited = ['sh', '-c', 'ulimit -l 64 && exec "$@"', 'sh', ...asNobody(tracing, taptrace())];
    const said = await toEnd(limited);
    if (!chargesMemlock) return assertTraced(said);
    assertOneClearLine(said, /^RLIMIT_MEMLOCK \(ulimit -l\) allows 64 KiB of BPF memory/);
    assert.match(said.stderr, /CAP_SYS_RESOURCE/);
  });

  if (chargesMemlock)
    it('RLIMIT_MEMLOCK of 4 MiB, root without CAP_SYS_RESOURCE', async () => {
      const root = asRootWithout(['sys_resource'], taptrace());
      const said = await toEnd(['sh', '-c', 'ulimit -l 4096 && exec "$@"', 'sh', ...root]);
      assertOneClearLine(said, /^RLIMIT_MEMLOCK \(ulimit -l\) allows 4 MiB of BPF memory/);
    });
});

describe('addresses of symbols', () => {
  const restrict = (value: string): void => writeFileSync('/proc/sys/kernel/kptr_restrict', value);
  before(() => restrict('2'));
  after(() => restrict('0'));
  const args = ['-i', 'lo', '--stages', 'tx-tap', '--stack', '-c', '1'];

  it('kptr_restrict=2: traces, says that stacks are addresses', async () => {
    const child = await start(taptrace(args));
    await sendOne();
    await child.exited;
    assert.match(child.stderr, /stacks are bare addresses: kernel\.kptr_restrict=2 hides/);
    assert.match(child.stdout, /^\t0x[0-9a-f]{16}$/m);
  });

  it('otherwise they have names, for which no capability is kept', async () => {
    restrict('1');
    const child = await start(taptrace(args));
    assert.deepEqual(threadsWithMore(child.pid, mapsNeedBpf), []);
    await sendOne();
    await child.exited;
    assert.match(child.stdout, /^\t__dev_queue_xmit\+0x/m);
    assert.doesNotMatch(child.stderr, /bare addresses|CAP_SYSLOG/);
  });
});

describe('rights', () => {
  it('nobody with CAP_BPF and CAP_PERFMON traces, and keeps what maps need', async () => {
    const child = await start(nobody(tracing, ['-i', 'lo']));
    assert.deepEqual(threadsWithMore(child.pid, mapsNeedBpf), []);
    await sendOne();
    assert.deepEqual(await child.stop('SIGINT', SLOW_MS), { code: 0, signal: null }, child.stderr);
    assert.match(child.stdout, /tx-tap/);
    assert.equal(/CAP_BPF \(to read counters/.test(child.stderr), mapsNeedBpf.length > 0, child.stderr);
  });

  it('nobody with CAP_BPF and CAP_NET_RAW watches both taps by packet sockets', async () => {
    const child = await start(nobody(['bpf', 'net_raw'], ['-i', 'lo', '--arm']));
    assert.deepEqual(threadsWithMore(child.pid, ['net_raw', ...mapsNeedBpf]), []);
    await sendOne();
    assert.deepEqual(await child.stop('SIGINT', SLOW_MS), { code: 0, signal: null }, child.stderr);
    assert.match(child.stdout, /rx-tap/);
    assert.match(child.stdout, /tx-tap/);
  });

  it('root arms a device that appears, in a namespace that appears, and keeps only what that needs', {}, async () => {
    const child = await start(taptrace(['--netns', 'all', '--arm', '--json']));
    const kept: CapabilityName[] = ['bpf', 'net_raw', 'sys_admin', 'sys_ptrace'];
    assert.deepEqual(threadsWithMore(child.pid, kept), []);
    assert.doesNotMatch(child.stderr, /CAP_SYSLOG|CAP_NET_ADMIN/);
    await run(['ip', 'netns', 'add', 'later']);
    await run(['ip', '-n', 'later', 'link', 'set', 'lo', 'up']);
    await untilTraced(child, /"stage":"tx-tap".*"mechanism":"packet_socket"/, 'later');
    assert.deepEqual(await child.stop('SIGINT', SLOW_MS), { code: 0, signal: null }, child.stderr);
    await run(['ip', 'netns', 'del', 'later']);
  });
});
