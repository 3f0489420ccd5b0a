/** A network namespace in which commands are run. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Netns } from './netns.js';
import { Child, run } from './process.js';

/**
 * The CPU that makes all traffic. A packet socket and a BPF program each keep the order of one CPU; two
 * CPUs that send on one device at once may be queued by tcpdump in one order and stamped by us in the
 * other, and both are right. So whatever asserts an order sends from one CPU. Softirqs (and with them
 * the whole way through the veth pair and every answer from the kernel) stay on it.
 */
export const TRAFFIC_CPU = availableParallelism() - 1;

const TOOLS_DIR = fileURLToPath(new URL('../../tools/', import.meta.url));

/** Path of a compiled test tool (test/tools/<name>.c). */
export function toolPath(name: string): string {
  return join(TOOLS_DIR, name);
}

/** The command as it is run on the traffic CPU. */
export function onTrafficCpu(argv: readonly string[]): string[] {
  return ['taskset', '-c', String(TRAFFIC_CPU), ...argv];
}

export class Host {
  constructor(readonly netns: Netns) {}

  /** The command as it is run in this namespace. */
  #inside(argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.netns.name, ...argv];
  }

  /** Runs a command in this namespace to its end. */
  run(argv: readonly string[], options?: { input?: string; timeoutMs?: number }): Promise<string> {
    return run(this.#inside(argv), options);
  }

  /** Starts a command in this namespace. */
  spawn(argv: readonly string[], options: { onStdout?: (text: string) => void } = {}): Child {
    return new Child(this.#inside(argv), options);
  }

  /** Runs a command that makes traffic: on the traffic CPU. */
  send(argv: readonly string[], options?: { input?: string; timeoutMs?: number }): Promise<string> {
    return this.run(onTrafficCpu(argv), options);
  }

  /** Runs lines of ip(8) in this namespace. */
  async ip(lines: readonly string[]): Promise<void> {
    await run(['ip', '-n', this.netns.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Sets sysctls, such as `net.ipv4.ip_forward`. */
  async sysctl(values: Readonly<Record<string, string | number>>): Promise<void> {
    await this.run([
      'sysctl',
      '-q',
      '-w',
      ...Object.entries(values).map(([name, value]) => `${name}=${value}`),
    ]);
  }
}
