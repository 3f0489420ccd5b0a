/** Without rights: exit code 3 and the names of the missing capabilities. With fewer, what works is used. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CapabilityName } from '../support/capabilities.js';
import { linesSaid, runToEnd, type Said } from '../support/cli.js';
import { Nobody } from '../support/nobody.js';
import { Child } from '../support/process.js';
import { createQuietWorld } from '../support/quiet.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['bpftool', 'unshare']) ?? Nobody.cannotRun() ?? false;

let nobody: Nobody;
let residue: Residue;
before(() => {
  if (skip) return;
  nobody = new Nobody();
  residue = bpfResidue([]);
});
after(() => nobody?.close());

const runAsNobody = (has: readonly CapabilityName[], args: readonly string[]): Promise<Said> =>
  runToEnd(nobody.taptrace(has, args));

interface Missing {
  readonly args: readonly string[];
  readonly has?: readonly CapabilityName[];
  /** The first line said, as far as it matters. */
  readonly says: RegExp;
}

const cases: readonly Missing[] = [
  { args: [], says: /does not have: CAP_BPF \(to [^)]+\), CAP_PERFMON \(to [^)]+\)$/ },
  { args: ['--json', 'icmp'], says: /does not have: CAP_BPF \(.*\), CAP_PERFMON \(.*\)$/ },
  { args: ['--arm'], has: ['perfmon'], says: /does not have: CAP_BPF \(.*\), CAP_NET_RAW \(.*\)$/ },
  { args: [], has: ['bpf'], says: /^passive tracing needs CAP_PERFMON / },
  { args: ['--arm', '-i', 'lo'], has: ['bpf', 'perfmon', 'net_admin'], says: /^--arm .*CAP_NET_RAW/ },
  { args: ['--netns', 'all'], has: ['bpf', 'perfmon'], says: /does not have: CAP_SYS_ADMIN \(.*\)$/ },
];

describe('nobody', { skip }, () => {
  for (const { args, has = [], says } of cases)
    it(`taptrace ${args.join(' ')} with ${has.join(', ') || 'no capability'}: names what is missing`, async () => {
      const said = await runAsNobody(has, args);
      assert.deepEqual(said.exit, { code: 3, signal: null }, said.stderr);
      const [first, ...hints] = linesSaid(said);
      assert.match(first!, says);
      assert.ok(hints.length <= 1, said.stderr);
      assert.equal(said.stdout, '');
    });

  it('without CAP_PERFMON is told of --arm', async () => {
    const { stderr } = await runAsNobody(['bpf', 'net_raw'], []);
    assert.match(stderr, /--arm works with these rights/);
  });

  for (const [args, has] of [
    [[], ['bpf', 'perfmon']],
    [['--arm'], ['bpf', 'perfmon', 'net_raw', 'net_admin']],
    [['--arm'], ['bpf', 'net_raw']],
  ] as const)
    it(`traces with ${has.join(', ')}${args.length ? ' and --arm' : ''}`, async () => {
      const said = await runAsNobody(has, ['-i', 'lo', '--duration', '0.2', ...args]);
      assert.deepEqual(said.exit, { code: 0, signal: null }, said.stderr);
      assert.match(linesSaid(said).at(-1)!, /complete: nothing was lost$/);
    });

  it('without CAP_SYSLOG gets stacks of addresses, and is told why', async () => {
    const traced = nobody.taptrace(['bpf', 'perfmon'], ['-i', 'lo', '--stack', '-c', '1']);
    const child = new Child(traced, {});
    await child.until(() => child.stderr.includes('bare addresses'), 'note');
    assert.match(child.stderr, /: stacks are bare addresses: the addresses of symbols need CAP_SYSLOG$/m);
    child.kill('SIGINT');
    await child.exited;
  });

  it('with it has names, although it keeps nothing of it', async () => {
    const child = new Child(
      nobody.taptrace(['bpf', 'perfmon', 'syslog'], ['-i', 'lo', '--stack', '-c', '1']),
      {},
    );
    await child.until(() => /armed/.test(child.stderr), 'header');
    await runToEnd(['ping', '-c', '1', '127.0.0.1']);
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    assert.match(child.stdout, /^\t__dev_queue_xmit\+0x/m);
    assert.doesNotMatch(child.stderr, /bare addresses|CAP_SYSLOG/);
  });

  it("without CAP_SYS_PTRACE does not know others' sockets, and says so where it met one", async () => {
    const world = await createQuietWorld();
    const { name } = world.a.netns;
    const capture = world.a.spawn(['tcpdump', '-i', world.a.device, '-Z', 'root', '-w', '/dev/null']);
    await capture.until(() => capture.stderr.includes('listening'), 'capture');
    const note =
      /owners of other users' packet sockets are not known: needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH/;
    const args = ['--netns', name, '--duration', '0.2'];
    const without = await runAsNobody(['bpf', 'perfmon', 'sys_admin'], args);
    const having = await runAsNobody(['bpf', 'perfmon', 'sys_admin', 'sys_ptrace', 'dac_read_search'], args);
    await capture.stop('SIGTERM');
    const untapped = await runAsNobody(['bpf', 'perfmon', 'sys_admin'], args);
    world.close();
    assert.match(without.stderr, note);
    assert.match(having.stderr, /by tcpdump \(pid \d+\)/);
    for (const { stderr } of [having, untapped]) assert.doesNotMatch(stderr, note);
  });

  it('sees the map and the report without any', async () => {
    for (const [command, code] of [
      ['stages', 0],
      ['doctor', 3],
    ] as const) {
      const { exit, stdout, stderr } = await runAsNobody([], [command]);
      assert.deepEqual({ exit, stderr }, { exit: { code, signal: null }, stderr: '' });
      assert.match(stdout, /rx-tap/);
    }
  });
  it('left nothing behind', async () => assert.deepEqual(await residueSince(residue, []), []));
});
