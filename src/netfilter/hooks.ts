/** The INET hooks by their numbers, and the words for them. */
import type { StageId } from '../stages/types.js';
import type { HookFamily } from './types.js';

export interface InetHook {
  /** NF_INET_* of linux/netfilter.h. */
  readonly number: number;
  /** As nft calls it. */
  readonly name: string;
  readonly stage: StageId;
}

export const inetHooks: readonly InetHook[] = [
  { number: 0, name: 'prerouting', stage: 'nf-prerouting' },
  { number: 1, name: 'input', stage: 'nf-input' },
  { number: 2, name: 'forward', stage: 'nf-forward' },
  { number: 3, name: 'output', stage: 'nf-output' },
  { number: 4, name: 'postrouting', stage: 'nf-postrouting' },
];

/** NFPROTO_* of linux/netfilter.h. */
export const nfproto = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;
export type NfFamily = keyof typeof nfproto;

export function familyOf(number: number): NfFamily | undefined {
  return (Object.keys(nfproto) as NfFamily[]).find((name) => nfproto[name] === number);
}

export const linkFamilies: readonly HookFamily[] = ['ip', 'ip6'];

/** Names of a family's hooks by number (linux/netfilter.h, netfilter_arp.h, netfilter_bridge.h). */
export function hookName(family: NfFamily, number: number): string {
  if (family === 'netdev') return ['ingress', 'egress'][number] ?? `hook ${number}`;
  if (family === 'arp') return ['input', 'output', 'forward'][number] ?? `hook ${number}`;
  return inetHooks[number]?.name ?? (number === 5 && family === 'inet' ? 'ingress' : `hook ${number}`);
}
