/** A private world: two network namespaces joined by a veth pair, with traffic tools inside. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from './bytes.js';
import { Host, toolPath } from './host.js';
import { addNetns, type Netns, nextNetnsNames, removeOrphanedNetns } from './netns.js';
import { killChildren, missingCommands, onEarlyExit, run } from './process.js';

export { onTrafficCpu, TRAFFIC_CPU, toolPath } from './host.js';

/** One namespace with its end of the veth pair. */
export class End extends Host {
  constructor(
    netns: Netns,
    readonly device: string,
    readonly mac: string,
    readonly ipv4: string,
    readonly ipv6: string,
  ) {
    super(netns);
  }

  /** Sends raw frames out of this end's device, or another device of the namespace. */
  async sendFrames(frames: readonly Uint8Array[], device = this.device): Promise<void> {
    const input = frames.map((frame) => `${toHex(frame)}\n`).join('');
    await this.send([toolPath('send_frames'), device], { input });
  }
}

export interface World {
  readonly a: End;
  readonly b: End;
  /** A directory for captures, removed with the world. */
  readonly dir: string;
  /** Removes it all, and kills the child processes that a failed test left running. */
  close(): void;
}

async function configure(end: End): Promise<void> {
  const ip = ['ip', '-n', end.netns.name];
  await run([...ip, 'addr', 'add', `${end.ipv4}/24`, 'dev', end.device]);
  await run([...ip, 'addr', 'add', `${end.ipv6}/64`, 'dev', end.device, 'nodad']);
  await run([...ip, 'link', 'set', 'lo', 'up']);
  await run([...ip, 'link', 'set', end.device, 'up']);
}

async function joinEnds(a: End, b: End): Promise<void> {
  await run([
    ...['ip', 'link', 'add', a.device, 'address', a.mac, 'netns', a.netns.name, 'type', 'veth'],
    ...['peer', 'name', b.device, 'address', b.mac, 'netns', b.netns.name],
  ]);
  await configure(a);
  await configure(b);
  await a.run(['ping', '-q', '-c', '1', '-w', '5', b.ipv4]);
  await a.run(['ping', '-q', '-c', '1', '-w', '5', b.ipv6]);
}

/** Builds a world; both ends can reach each other when it resolves. */
export async function createWorld(): Promise<World> {
  removeOrphanedNetns();
  const [nameA, nameB] = nextNetnsNames();
  const dir = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
  const removeDir = () => rmSync(dir, { recursive: true, force: true });
  const forget = onEarlyExit(removeDir);
  const made: Netns[] = [];
  const close = () => {
    killChildren();
    forget();
    removeDir();
    for (const netns of made.splice(0)) netns.remove();
  };
  try {
    for (const name of [nameA, nameB]) made.push(await addNetns(name));
    const a = new End(made[0]!, 'va', '02:00:00:00:00:0a', '192.0.2.1', '2001:db8::1');
    const b = new End(made[1]!, 'vb', '02:00:00:00:00:0b', '192.0.2.2', '2001:db8::2');
    await joinEnds(a, b);
    return { a, b, dir, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Why live tests cannot run here, or undefined when they can: what node:test takes as `skip`. */
export function cannotRunLive(commands: readonly string[] = []): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root: network namespaces and BPF';
  const missing = missingCommands(['ip', 'ping', 'taskset', 'setpriv', ...commands]);
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined;
}
