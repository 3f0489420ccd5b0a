/** Who taps: the packet sockets of a namespace with their owners, read without touching the taps. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { NativeBinding } from '../native/binding.js';
import { printable } from '../render/printable.js';

/** A process that has a socket open. */
export interface Holder {
  readonly pid: number;
  /** Control characters made visible. */
  readonly comm: string;
}

/** A packet socket that takes every protocol, so that it sits in a tap list. */
export interface PacketTap {
  /** 0: bound to no device, so it taps every one of its namespace. */
  readonly ifindex: number;
  readonly inode: number;
  /** Processes that hold it, as far as they could be read. */
  readonly owners: readonly Holder[];
}

const ETH_P_ALL = 3;

/** Taps among the lines of /proc/net/packet (net/packet/af_packet.c, packet_seq_show). */
export function parsePacketSockets(text: string): { ifindex: number; inode: number }[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 9 && Number.parseInt(fields[3]!, 16) === ETH_P_ALL)
    .filter((fields) => fields[5] === '1')
    .map((fields) => ({ ifindex: Number(fields[4]), inode: Number(fields[8]) }));
}

/** Processes by socket inode, for the inodes asked. Reading every process costs milliseconds: only when needed. */
export function socketHolders(inodes: ReadonlySet<number>): Map<number, Holder[]> {
  const owners = new Map<number, Holder[]>();
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const inode = Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]);
        if (!inodes.has(inode)) continue;
        const comm = printable(readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
        owners.set(inode, [...(owners.get(inode) ?? []), { pid: Number(pid), comm }]);
      }
    } catch {
      // The process ended, or is another user's.
    }
  }
  return owners;
}

/** The taps of one namespace. Throws NativeError where the namespace cannot be entered. */
export function readPacketTaps(native: NativeBinding, netnsPath: string | null): PacketTap[] {
  const bytes = native.readFile(netnsPath, '/proc/thread-self/net/packet');
  const sockets = parsePacketSockets(new TextDecoder().decode(bytes));
  if (sockets.length === 0) return [];
  const owners = socketHolders(new Set(sockets.map(({ inode }) => inode)));
  return sockets.map((socket) => ({ ...socket, owners: owners.get(socket.inode) ?? [] }));
}
