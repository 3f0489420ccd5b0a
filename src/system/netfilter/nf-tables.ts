/** The base chains of nf_tables, asked of the kernel itself (linux/netfilter/nf_tables.h): what `nft list chains` asks. */
import { existsSync } from 'node:fs';
import type { NativeBinding } from '../../native/binding.js';
import { familyOf, hookName, nfproto } from '../../netfilter/hooks.js';
import { builtinChain, iptablesNftHooks } from '../../netfilter/iptables.js';
import type { BaseChain, ChainOwner } from '../../netfilter/types.js';
import {
  attributeBe32,
  attributeList,
  attributes,
  attributeText,
  dumpRequest,
  netlinkProtocol,
  parseMessages,
  singleRequest,
} from '../netlink.js';

const nfgenmsgBytes = 4;
const type = (message: number): number => (10 << 8) | message;
const NFT_MSG = { newTable: 0, getTable: 1, newChain: 3, getChain: 4, newGeneration: 15, getGeneration: 16 };
const NFTA_TABLE = { name: 1, flags: 2 };
const NFT_TABLE_F_DORMANT = 1;
const NFTA_CHAIN = { table: 1, name: 3, hook: 4, policy: 5, type: 7 };
const NFTA_HOOK = { number: 1, priority: 2, device: 3, devices: 4 };
const NFTA_GEN_ID = 1;
const policies = ['drop', 'accept'];

type Binding = Pick<NativeBinding, 'netlink'>;

/**
 * Whether the kernel has nf_tables, in it or as a module that is loaded. Asking one that has not would load the
 * module, which has no chains then (net/netfilter/nfnetlink.c, nfnetlink_rcv_msg).
 */
export function hasNfTables(isBuiltIn: boolean): boolean {
  return isBuiltIn || existsSync('/sys/module/nf_tables');
}

/** Changes with every change of the namespace's ruleset. Needs CAP_NET_ADMIN. Throws NativeError. */
export function nftGeneration(native: Binding, netnsPath: string | null): number | undefined {
  const request = singleRequest(type(NFT_MSG.getGeneration), nfgenmsgBytes);
  const reply = parseMessages(native.netlink(netnsPath, netlinkProtocol.netfilter, request));
  const answer = reply.find((message) => message.type === type(NFT_MSG.newGeneration));
  return answer && attributeBe32(attributes(answer.payload, nfgenmsgBytes).get(NFTA_GEN_ID));
}

/** Nothing in the kernel says who made a chain; only iptables-nft makes chains of these names at these priorities. */
function ownerOf({ family, table, chain, hook, priority }: Omit<BaseChain, 'owner'>): ChainOwner {
  const isIptables =
    (family === 'ip' || family === 'ip6') &&
    chain === builtinChain(hook) &&
    iptablesNftHooks(table).some((builtin) => builtin[0] === hook && builtin[1] === priority);
  return isIptables ? 'iptables-nft' : 'nft';
}

/** A chain is bound to one device, to several, or to none. */
function devicesOf(hook: ReadonlyMap<number, DataView>): (string | undefined)[] {
  const one = attributeText(hook.get(NFTA_HOOK.device));
  const list = hook.get(NFTA_HOOK.devices);
  const several = list ? attributeList(list, 0).map(([, value]) => attributeText(value)) : [];
  const all = new Set([...(one === undefined ? [] : [one]), ...several]);
  return all.size > 0 ? [...all] : [undefined];
}

/** Empty for chains that are at no hook. */
function baseChains(payload: DataView): BaseChain[] {
  const values = attributes(payload, nfgenmsgBytes);
  const family = familyOf(payload.getUint8(0));
  const hookValue = values.get(NFTA_CHAIN.hook);
  if (!hookValue || !family) return [];
  const hook = attributes(hookValue, 0);
  const kind = attributeText(values.get(NFTA_CHAIN.type));
  const policy = policies[attributeBe32(values.get(NFTA_CHAIN.policy)) ?? -1];
  const place = {
    family,
    table: attributeText(values.get(NFTA_CHAIN.table)) ?? '',
    chain: attributeText(values.get(NFTA_CHAIN.name)) ?? '',
    hook: hookName(family, attributeBe32(hook.get(NFTA_HOOK.number)) ?? -1),
    priority: (attributeBe32(hook.get(NFTA_HOOK.priority)) ?? 0) | 0,
  };
  return devicesOf(hook).map((device) => ({
    ...place,
    owner: ownerOf(place),
    ...(device !== undefined && { device }),
    ...(kind !== undefined && { type: kind }),
    ...(policy !== undefined && { policy }),
  }));
}

const tableKey = (family: number, name: string | undefined): string => `${family} ${name}`;

function dump(native: Binding, netnsPath: string | null, get: number, answer: number): DataView[] {
  const reply = native.netlink(netnsPath, netlinkProtocol.netfilter, dumpRequest(type(get), nfgenmsgBytes));
  return parseMessages(reply)
    .filter((message) => message.type === type(answer))
    .map(({ payload }) => payload);
}

/** Tables with the flag dormant: their chains are registered nowhere. */
function dormantTables(native: Binding, netnsPath: string | null): Set<string> {
  const tables = dump(native, netnsPath, NFT_MSG.getTable, NFT_MSG.newTable).map((payload) => {
    const values = attributes(payload, nfgenmsgBytes);
    const flags = attributeBe32(values.get(NFTA_TABLE.flags)) ?? 0;
    const key = tableKey(payload.getUint8(0), attributeText(values.get(NFTA_TABLE.name)));
    return { key, isDormant: (flags & NFT_TABLE_F_DORMANT) !== 0 };
  });
  return new Set(tables.filter(({ isDormant }) => isDormant).map(({ key }) => key));
}

/** The base chains of a namespace. Needs CAP_NET_ADMIN. Throws NativeError. */
export function nftChains(native: Binding, netnsPath: string | null): BaseChain[] {
  const dormant = dormantTables(native, netnsPath);
  return dump(native, netnsPath, NFT_MSG.getChain, NFT_MSG.newChain)
    .flatMap(baseChains)
    .filter(({ family, table }) => !dormant.has(tableKey(nfproto[family], table)));
}
