/** A machine without a kernel: the addon's answers come from files. */
import { readFileSync } from 'node:fs';
import type { NativeBinding } from '../../../src/native/binding.js';
import type { Netns } from '../../../src/system/netns.js';

const links = readFileSync('test/fixtures/system/links.netlink');

/** Ifindexes of the devices in it that tests name. */
export const ifindexes = { lo: 1, right: 2, left: 3, br0: 6, mv0: 7, tun0: 8 } as const;

/** The kernel's answer to a question for all devices, without those left out. */
export function linksReply(without: readonly number[] = []): Uint8Array {
  const kept: Buffer[] = [];
  for (let at = 0; at < links.length; ) {
    const length = links.readUInt32LE(at);
    const message = links.subarray(at, at + ((length + 3) & ~3));
    const ifindex = length >= 32 ? message.readInt32LE(20) : 0;
    if (!without.includes(ifindex)) kept.push(message);
    at += message.length;
  }
  return new Uint8Array(Buffer.concat(kept));
}

export const packetSockets = (): Uint8Array =>
  new Uint8Array(readFileSync('test/fixtures/system/packet.txt'));

/** The namespace we are in, as far as tests care, and another one, whose path stays where it is. */
export const here: Netns = { inum: 4026531840, path: null, name: 'own' };
export const elsewhere: Netns = { inum: 4026532777, path: '/no/such/netns', name: 'blue' };

/** A binding whose functions are those given; any other one is a failure. */
export function binding(functions: Partial<NativeBinding>): NativeBinding {
  return new Proxy(functions as NativeBinding, {
    get(target, name) {
      if (name in target) return target[name as keyof NativeBinding];
      throw new Error(`the test machine has no ${String(name)}()`);
    },
  });
}

/** The devices of test/fixtures/system, and who taps them. */
export function machine(changes: Partial<NativeBinding> = {}): NativeBinding {
  return binding({ netlink: () => linksReply(), readFile: packetSockets, ...changes });
}
