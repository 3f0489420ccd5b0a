/** The lab itself, in one kernel: it keeps streams apart, loses nothing, and tells how a guest died. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { before, describe, it } from 'node:test';
import { KernelLabError } from '../errors.js';
import { type GuestResult, type GuestRun, runInKernel } from '../run.js';

const kernel = '6.12';
const line = 'one line of the kernel lab, told apart from no other\n';
const count = 100_000;
/** Every kind of device is added without a word about modules: the kernel asks for them itself. */
const script = `
  set -e
  node -e 'process.stdout.write(${JSON.stringify(line)}.repeat(${count}))'
  for kind in dummy bond team bridge veth; do ip link add my-$kind type $kind; done
  ip link add link my-dummy my-vlan type vlan id 7
  ip link add link my-dummy my-macvlan type macvlan
  ip link add link my-veth my-ipvlan type ipvlan
  nft add table inet t
  cat /sys/kernel/security/lockdown /proc/modules >&2
  ls /sys/class/net >&2
  exit 42`;

function shell(text: string, more: Partial<GuestRun> = {}): Promise<GuestResult> {
  return runInKernel({ kernel, command: ['sh', '-c', text], timeoutSeconds: 120, ...more });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** That the run ends as a KernelLabError of this kind, which has this on its console. */
function rejectsAs(code: string, message: RegExp, console: RegExp) {
  return (error: unknown): true => {
    assert.ok(error instanceof KernelLabError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.match(error.output.console, console);
    return true;
  };
}

describe(`the lab with ${kernel}`, { concurrency: availableParallelism() }, () => {
  describe('a command', () => {
    let result: GuestResult;
    before(async () => {
      const modules = ['8021q', 'nf_tables'];
      result = await shell(script, { modules, kernelArguments: ['lockdown=integrity'] });
    });

    it('gives its status', () => assert.equal(result.status, 42, result.stderr));
    it('loses no byte of a large output', () => {
      assert.equal(result.stdout.length, line.length * count);
      assert.equal(sha256(result.stdout), sha256(line.repeat(count)));
    });
    it('has the console for the kernel alone', () => {
      assert.match(result.console, /Linux version 6\.12\./);
      assert.doesNotMatch(result.stdout + result.stderr, /Linux version|\[ +\d+\.\d+\]/);
    });
    it('gets the kernel arguments and modules that it asked for', () => {
      assert.match(result.stderr, /\[integrity\]/);
      for (const name of ['8021q', 'nf_tables']) assert.match(result.stderr, new RegExp(`^${name} `, 'm'));
    });
    it('makes devices of every kind', () => {
      for (const name of ['bond', 'team', 'bridge', 'veth', 'vlan', 'macvlan', 'ipvlan'])
        assert.match(result.stderr, new RegExp(`^my-${name}$`, 'm'));
    });
  });

  it('tells of a panic, tries three times, and hands over each console', async () => {
    const consoles: string[] = [];
    const onPanic = (console: string) => consoles.push(console);
    const crash = shell('sync; echo c > /proc/sysrq-trigger; sleep 60', { onPanic });
    const panic = /Kernel panic - not syncing: sysrq/;
    await assert.rejects(crash, rejectsAs('panic', /panicked 3 times/, panic));
    assert.equal(consoles.length, 3);
    for (const console of consoles) assert.match(console, panic);
  });

  it('ends a command that takes too long', async () => {
    const slow = shell('echo reached > /dev/kmsg; sleep 300', { timeoutSeconds: 40 });
    await assert.rejects(slow, rejectsAs('timeout', /was still running after 40 s[\s\S]*reached/, /reached/));
  });

  it('knows a module that the kernel does not have', async () => {
    const run = runInKernel({ kernel, command: ['true'], modules: ['no_such_module'] });
    await assert.rejects(run, { code: 'setup', message: /no module "no_such_module"/ });
  });
});
