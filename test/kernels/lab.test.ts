import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { KernelLabError } from './errors.js';
import { type KernelName, parseKernelName } from './kernels.js';
import { type GuestResult, runInKernel } from './run.js';

const chosen = process.env.TAPTRACE_KERNELS ?? '';
const kernels = chosen
  .split(/[\s,]+/)
  .filter(Boolean)
  .map(parseKernelName);
if (kernels.length === 0)
  test('kernel lab', { skip: 'TAPTRACE_KERNELS names no kernel ("6.1 6.12")' }, () => {});

function shell(kernel: KernelName, script: string, timeoutSeconds = 90): Promise<GuestResult> {
  return runInKernel({ kernel, command: ['sh', '-c', script], timeoutSeconds });
}

for (const kernel of kernels) {
  test(`${kernel}: runs node and keeps status, stdout, stderr and console apart`, async () => {
    const script = `console.log(require('os').release()); console.error('to stderr'); process.exitCode = 42`;
    const result = await runInKernel({ kernel, command: ['node', '-e', script], timeoutSeconds: 90 });
    assert.equal(result.status, 42);
    assert.match(
      result.stdout,
      new RegExp(kernel === 'newest' ? /^\d+\.\d+.*cloud-amd64\n$/ : `^${kernel}\\.`),
    );
    assert.equal(result.stderr, 'to stderr\n');
    assert.match(result.console, /Linux version/);
    assert.doesNotMatch(result.stdout + result.stderr, /Linux version|\[ +\d+\.\d+\]/);
  });

  test(`${kernel}: no byte of a large output is lost at the end`, async () => {
    const line = 'one line of the kernel lab, told apart from no other\n';
    const count = 100_000;
    const script = `process.stdout.write(${JSON.stringify(line)}.repeat(${count})); process.stderr.write('end')`;
    const result = await runInKernel({ kernel, command: ['node', '-e', script], timeoutSeconds: 90 });
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
    assert.equal(result.stdout.length, line.length * count);
    assert.equal(sha256(result.stdout), sha256(line.repeat(count)));
    assert.equal(result.stderr, 'end');
  });

  test(`${kernel}: two namespaces joined by veth, seen by tcpdump`, async () => {
    const result = await shell(
      kernel,
      `set -e
      ip netns add left; ip netns add right
      ip link add west netns left type veth peer name east netns right
      ip -n left address add 192.0.2.1/24 dev west; ip -n right address add 192.0.2.2/24 dev east
      ip -n left link set west up; ip -n right link set east up
      ip netns exec right tcpdump -c 2 -n -l -i east icmp & capture=$!
      until ip netns exec right cat /proc/net/packet | grep -q 0003; do sleep 0.1; done
      ip netns exec left ping -c 2 -i 0.2 192.0.2.2 >&2
      wait $capture`,
    );
    assert.equal(result.status, 0, result.stderr);
    const [request, reply] = result.stdout.split('\n');
    assert.match(request ?? '', /192\.0\.2\.1 > 192\.0\.2\.2: ICMP echo request/);
    assert.match(reply ?? '', /192\.0\.2\.2 > 192\.0\.2\.1: ICMP echo reply/);
  });

  test(`${kernel}: devices whose modules the kernel asks for itself`, async () => {
    const result = await shell(
      kernel,
      `set -e
      ip link add d0 type dummy; ip link add link d0 v0 type vlan id 7; ip link add link d0 m0 type macvlan
      ip link add b0 type bond; ip link add t0 type team; ip link add br0 type bridge; ip link add d1 type dummy; ip link add i0 link d1 type ipvlan
      nft add table inet t || [ -z "$(command -v nft)" ]
      ls /sys/class/net`,
    );
    assert.equal(result.status, 0, result.stderr);
    for (const name of ['d0', 'v0', 'm0', 'b0', 't0', 'br0', 'i0'])
      assert.match(result.stdout, new RegExp(`^${name}$`, 'm'));
  });

  test(`${kernel}: a panic is told, and tried three times`, async () => {
    const crash = shell(kernel, 'sync; echo c > /proc/sysrq-trigger; sleep 60');
    await assert.rejects(crash, (error) => {
      assert.ok(error instanceof KernelLabError);
      assert.equal(error.code, 'panic');
      assert.match(error.message, /panicked 3 times/);
      assert.match(error.console, /Kernel panic - not syncing: sysrq/);
      return true;
    });
  });

  test(`${kernel}: a command that takes too long`, async () => {
    await assert.rejects(shell(kernel, 'echo reached > /dev/kmsg; sleep 300', 30), (error) => {
      assert.ok(error instanceof KernelLabError);
      assert.equal(error.code, 'timeout');
      assert.match(error.message, /was still running after 30 s[\s\S]*reached/);
      return true;
    });
  });

  test(`${kernel}: kernel arguments and modules of the call`, async () => {
    const result = await runInKernel({
      kernel,
      command: ['sh', '-c', 'cat /sys/kernel/security/lockdown /proc/modules'],
      modules: ['8021q', 'nf_tables'],
      kernelArguments: ['lockdown=integrity'],
      timeoutSeconds: 90,
    });
    assert.match(result.stdout, /\[integrity\]/);
    assert.match(result.stdout, /^8021q /m);
    assert.match(result.stdout, /^nf_tables /m);
  });

  test(`${kernel}: a module that it does not have`, async () => {
    const run = runInKernel({ kernel, command: ['true'], modules: ['no_such_module'] });
    await assert.rejects(run, { code: 'setup', message: /no module "no_such_module"/ });
  });
}
