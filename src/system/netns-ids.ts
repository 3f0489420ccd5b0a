/** Namespaces by the numbers that other namespaces have for them: rtnetlink names the other end of a veth pair so. */
import { closeSync, openSync } from 'node:fs';
import type { NativeBinding } from '../native/binding.js';
import {
  attributes,
  attributeU32,
  netlinkProtocol,
  parseMessages,
  singleRequest,
  u32Attribute,
} from './netlink.js';
import type { Netns } from './netns.js';

const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
/** struct rtgenmsg, aligned. */
const rtgenmsgBytes = 4;
/** Each has to be asked for each: more are left unknown. */
const namespacesMax = 16;

/** "Which number have you for the namespace of this file?" (net/core/net_namespace.c, rtnl_net_getid). */
function request(fd: number): Uint8Array {
  return singleRequest(
    RTM_GETNSID,
    Buffer.concat([new Uint8Array(rtgenmsgBytes), u32Attribute(NETNSA_FD, fd)]),
  );
}

export class NetnsIds {
  private namespaces: readonly Netns[] = [];
  /** Inode numbers by the number that a namespace has for another, for each namespace that was asked. */
  private readonly known = new Map<number, Map<number, number>>();

  constructor(private readonly native: NativeBinding) {}

  /** The namespaces there are: numbers are given away again when one goes. */
  follow(namespaces: readonly Netns[]): void {
    const isSame =
      namespaces.length === this.namespaces.length &&
      namespaces.every(({ inum }, index) => inum === this.namespaces[index]!.inum);
    if (!isSame) this.known.clear();
    this.namespaces = namespaces;
  }

  /** The inode number of a namespace; undefined where it is none of those that are followed. */
  inumOf(netns: Netns, id: number): number | undefined {
    if (this.namespaces.length > namespacesMax) return undefined;
    const known = this.known.get(netns.inum) ?? this.ask(netns);
    this.known.set(netns.inum, known);
    return known.get(id);
  }

  private ask(netns: Netns): Map<number, number> {
    const ids = new Map<number, number>();
    for (const other of this.namespaces) {
      const id = this.idOf(netns, other);
      if (id !== undefined) ids.set(id, other.inum);
    }
    return ids;
  }

  /** Undefined where it has none, or where one of them cannot be entered. */
  private idOf(netns: Netns, other: Netns): number | undefined {
    let fd: number | undefined;
    try {
      fd = openSync(other.path ?? '/proc/self/ns/net', 'r');
      const reply = parseMessages(this.native.netlink(netns.path, netlinkProtocol.route, request(fd)));
      const answer = reply.find(({ type }) => type === RTM_NEWNSID);
      const id = answer && attributeU32(attributes(answer.payload, rtgenmsgBytes).get(NETNSA_NSID));
      return id === 0xffffffff ? undefined : id;
    } catch {
      return undefined;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}
