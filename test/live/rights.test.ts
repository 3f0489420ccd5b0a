/** Without rights: exit code 3 and the names of the missing capabilities. With just those it works. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { linesSaid, runToEnd, type Said } from '../support/cli.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const [node, main] = tracerCommand() as [string, string];
const OTHERS_READ = 0o4;
const isReadable = (statSync(main).mode & OTHERS_READ) !== 0;
const skip =
  cannotRunLive(['bpftool', 'unshare']) ??
  (isReadable ? false : 'the build is not readable by others (umask)');
const PACKAGE_ROOT = resolve(main, '../../../..');
/** Mounts in a namespace of their own, so that no directory above the checkout has to be open to nobody. */
const MOUNT_AND_RUN = 'mount --bind "$1" package && mount --bind "$2" node && shift 2 && exec "$@"';

let directory: string;
let residue: Residue;
before(() => {
  if (skip) return;
  directory = mkdtempSync(join(tmpdir(), 'taptrace-rights-'));
  chmodSync(directory, 0o755);
  mkdirSync(join(directory, 'package'));
  writeFileSync(join(directory, 'node'), '');
  residue = bpfResidue([]);
});
after(() => {
  if (directory) rmSync(directory, { recursive: true });
});

/** Runs taptrace as nobody, who has no capabilities but these. */
function runAsNobody(capabilities: readonly string[], args: readonly string[]): Promise<Said> {
  const set = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  const asNobody = [
    ...['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups'],
    ...[`--bounding-set=${set}`, `--inh-caps=${set}`, `--ambient-caps=${set}`],
  ];
  const taptrace = [join(directory, 'node'), join(directory, main.replace(PACKAGE_ROOT, 'package'))];
  const isolated = ['unshare', '--mount', '--propagation', 'private', `--wd=${directory}`];
  const command = ['sh', '-c', MOUNT_AND_RUN, 'sh', PACKAGE_ROOT, node, ...asNobody, ...taptrace];
  return runToEnd([...isolated, ...command, ...args]);
}

interface Missing {
  readonly args: readonly string[];
  readonly has?: readonly string[];
  readonly names: string;
}

const cases: readonly Missing[] = [
  { args: [], names: 'CAP_BPF, CAP_PERFMON' },
  { args: ['--json', 'icmp'], names: 'CAP_BPF, CAP_PERFMON' },
  { args: [], has: ['bpf'], names: 'CAP_PERFMON' },
  { args: ['--arm'], has: ['bpf', 'perfmon', 'net_admin'], names: 'CAP_NET_RAW' },
  { args: ['--netns', 'all'], has: ['bpf', 'perfmon'], names: 'CAP_SYS_ADMIN' },
];

describe('nobody', { skip }, () => {
  for (const { args, has = [], names } of cases)
    it(`taptrace ${args.join(' ')} with ${has.join(', ') || 'no capability'}: names what is missing`, async () => {
      const said = await runAsNobody(has, args);
      assert.deepEqual(said.exit, { code: 3, signal: null }, said.stderr);
      const [first, ...hints] = linesSaid(said);
      assert.equal(first, `tracing needs the capabilities ${names}, which this process does not have`);
      assert.equal(hints.length, 1);
      assert.equal(said.stdout, '');
    });

  for (const [args, has] of [
    [[], ['bpf', 'perfmon']],
    [['--arm'], ['bpf', 'perfmon', 'net_raw', 'net_admin']],
  ] as const)
    it(`traces with ${has.join(', ')}${args.length ? ' and --arm' : ''}`, async () => {
      const said = await runAsNobody(has, ['-i', 'lo', '--duration', '0.2', ...args]);
      assert.deepEqual(said.exit, { code: 0, signal: null }, said.stderr);
      assert.match(linesSaid(said).at(-1)!, /complete: nothing was lost$/);
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
