/** What a tracer could leave behind in the kernel: BPF programs, links and maps, and packet sockets. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const BPF_KINDS = ['prog', 'link', 'map'] as const;

/** Everything of the kind that exists now: a readable line each, by what names it uniquely. */
export type Residue = ReadonlyMap<string, string>;

/** What tests read of bpftool's JSON. */
interface BpfObject {
  readonly id: number;
  readonly type?: string;
  readonly name?: string;
  /** Of a link: its program. */
  readonly prog_id?: number;
  /** Of a program: its maps. */
  readonly map_ids?: readonly number[];
}

interface Listed {
  readonly key: string;
  readonly text: string;
  readonly refersTo: readonly string[];
}

function listBpf(kind: (typeof BPF_KINDS)[number]): Listed[] {
  const output = execFileSync('bpftool', ['-j', kind, 'show'], { encoding: 'utf8' });
  const objects = (output.trim() ? JSON.parse(output) : []) as BpfObject[];
  return objects.map(({ id, type, name, prog_id, map_ids }) => ({
    key: `${kind} ${id}`,
    text: `BPF ${kind} ${id} ${type ?? ''} ${name ?? ''}`.trimEnd(),
    refersTo: [...(prog_id ? [`prog ${prog_id}`] : []), ...(map_ids ?? []).map((map) => `map ${map}`)],
  }));
}

/** Keys of the BPF objects that other processes hold open: bpf(2) file descriptors say so in fdinfo. */
function heldByOthers(): Set<string> {
  const held = new Set<string>();
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  for (const directory of pids.map((pid) => `/proc/${pid}/fdinfo`)) {
    for (const fd of entriesOf(directory)) {
      const [, kind, id] = /^(prog|map|link)_id:\s*(\d+)/m.exec(contentOf(`${directory}/${fd}`)) ?? [];
      if (kind) held.add(`${kind} ${id}`);
    }
  }
  return held;
}

/** Processes and their descriptors come and go while we look. */
function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** BPF objects that no other living process holds, be it through a link or a program. */
function ownerlessBpf(): [string, string][] {
  const objects = BPF_KINDS.flatMap(listBpf);
  const held = heldByOthers();
  for (const kind of ['link', 'prog']) {
    for (const { key, refersTo } of objects) {
      if (key.startsWith(kind) && held.has(key)) for (const other of refersTo) held.add(other);
    }
  }
  return objects.filter(({ key }) => !held.has(key)).map(({ key, text }) => [key, text]);
}

/** The packet sockets of a namespace. /proc/net/packet: sk RefCnt Type Proto Iface R Rmem User Inode */
export function packetSockets(netns: string): [string, string][] {
  const output = execFileSync('ip', ['netns', 'exec', netns, 'cat', '/proc/net/packet'], {
    encoding: 'utf8',
  });
  const rows = output.trim().split('\n').slice(1);
  return rows.map((row) => {
    const [, , type, protocol, ifindex, running, , , inode] = row.trim().split(/\s+/);
    const text = `packet socket type ${type} protocol ${protocol} ifindex ${ifindex} running ${running}`;
    return [`socket ${inode}`, `${text} in ${netns}`];
  });
}

/**
 * Lists BPF objects that belong to no other living process, system-wide, and the packet sockets of the
 * namespaces. To be taken before and after a tracer has run.
 */
export function bpfResidue(netnsNames: readonly string[]): Residue {
  return new Map([...ownerlessBpf(), ...netnsNames.flatMap(packetSockets)]);
}

/**
 * What exists now and did not in `before`, one line each; empty when nothing remains. The kernel frees BPF
 * objects after a grace period, so what is there at first gets a moment to go.
 */
export async function residueSince(
  before: Residue,
  netnsNames: readonly string[],
  patienceMs = 3000,
): Promise<string[]> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const now = bpfResidue(netnsNames);
    const left = [...now].filter(([key]) => !before.has(key)).map(([, text]) => text);
    if (left.length === 0 || Date.now() > deadline) return left;
    await sleep(50);
  }
}
