/**
 * The functions at the INET hooks of a namespace, by nfnetlink_hook (linux/netfilter/nfnetlink_hook.h, from 5.14): what
 * `nft list hooks` shows. It alone knows of hooks that are no chains: connection tracking, NAT, links of others.
 */
import { existsSync } from 'node:fs';
import type { NativeBinding } from '../../native/binding.js';
import { inetHooks, linkFamilies, nfproto } from '../../netfilter/hooks.js';
import type { BaseChain, HookFamily } from '../../netfilter/types.js';
import {
  attributeBe32,
  attributes,
  attributeText,
  be32Attribute,
  dumpRequest,
  netlinkProtocol,
  parseMessages,
} from '../netlink.js';

const NFNL_MSG_HOOK_GET = 12 << 8;
const NFNLA_HOOK = { number: 1, priority: 2, functionName: 4, moduleName: 5, chain: 6 };
const NFNLA_HOOK_INFO = { description: 1, type: 2 };
const NFNL_HOOK_TYPE = { nfTables: 1, bpf: 2 };
const NFNLA_HOOK_BPF_ID = 1;
const nfgenmsgBytes = 4;

type Binding = Pick<NativeBinding, 'netlink'>;

/** Whether the kernel can be asked without loading a module for it. */
export function hasHookDump(isBuiltIn: boolean): boolean {
  return isBuiltIn || existsSync('/sys/module/nfnetlink_hook');
}

function request(family: HookFamily, number: number): Uint8Array {
  const header = new Uint8Array([nfproto[family], 0, 0, 0]);
  return dumpRequest(NFNL_MSG_HOOK_GET, Buffer.concat([header, be32Attribute(NFNLA_HOOK.number, number)]));
}

/** Undefined for hooks that have chains: those are known from elsewhere. */
function kernelHook(payload: DataView, family: HookFamily, hook: string): BaseChain | undefined {
  const values = attributes(payload, nfgenmsgBytes);
  const priority = (attributeBe32(values.get(NFNLA_HOOK.priority)) ?? 0) | 0;
  const place = { family, table: '', hook, priority };
  const description = values.get(NFNLA_HOOK.chain);
  const info = description && attributes(description, 0);
  const type = attributeBe32(info?.get(NFNLA_HOOK_INFO.type));
  if (type === NFNL_HOOK_TYPE.nfTables) return undefined;
  if (type === NFNL_HOOK_TYPE.bpf) {
    const details = info?.get(NFNLA_HOOK_INFO.description);
    const id = details && attributeBe32(attributes(details, 0).get(NFNLA_HOOK_BPF_ID));
    return { ...place, chain: `BPF program ${id ?? '?'}`, owner: 'bpf' };
  }
  const name = attributeText(values.get(NFNLA_HOOK.functionName)) ?? '?';
  const module = attributeText(values.get(NFNLA_HOOK.moduleName));
  if (/^(ipt|ip6t)_do_table|^(iptable|ip6table)_/.test(name)) return undefined;
  return { ...place, chain: module === undefined ? name : `${name} [${module}]`, owner: 'kernel' };
}

/** What is at the INET hooks of a namespace and is no chain. Needs CAP_NET_ADMIN. Throws NativeError. */
export function kernelHooks(native: Binding, netnsPath: string | null): BaseChain[] {
  return linkFamilies.flatMap((family) =>
    inetHooks.flatMap(({ number, name }) =>
      parseMessages(native.netlink(netnsPath, netlinkProtocol.netfilter, request(family, number))).flatMap(
        ({ payload }) => kernelHook(payload, family, name) ?? [],
      ),
    ),
  );
}
