/** Features of kernels, as probeFeatures() finds them there; symbols as their kallsyms have them. */
import type { KernelFeatures } from '../../../src/attach/features.js';
import type { BtfParameter } from '../../../src/native/binding.js';

const pointer = (type: string, pointerDepth = 1): BtfParameter => ({ type, pointerDepth });
const skb = pointer('sk_buff');
const device = pointer('net_device');

const functions: KernelFeatures['functions'] = {
  __netif_receive_skb_core: [pointer('sk_buff', 2), pointer('_Bool', 0), pointer('packet_type', 2)],
  dev_queue_xmit_nit: [skb, device],
};

const number = pointer('int', 0);

const tracepoints: KernelFeatures['tracepoints'] = {
  napi_gro_receive_entry: [skb],
  qdisc_enqueue: [pointer('Qdisc'), pointer('netdev_queue'), skb],
  qdisc_dequeue: [pointer('Qdisc'), pointer('netdev_queue'), number, skb],
  net_dev_xmit: [skb, number, device, number],
  netif_rx: [skb],
  netif_receive_skb: [skb],
  net_dev_queue: [skb],
  net_dev_start_xmit: [skb, device],
  kfree_skb: [skb, pointer(''), pointer('skb_drop_reason', 0), pointer('sock')],
  consume_skb: [skb, pointer('')],
};

const symbols: KernelFeatures['symbols'] = {
  __netif_receive_skb_core: ['__netif_receive_skb_core.constprop.0'],
  dev_queue_xmit_nit: ['dev_queue_xmit_nit.cold', 'dev_queue_xmit_nit'],
  netif_rx_internal: ['netif_rx_internal'],
  __dev_queue_xmit: ['__dev_queue_xmit.cold', '__dev_queue_xmit'],
  __qdisc_run: ['__qdisc_run'],
  dev_hard_start_xmit: ['dev_hard_start_xmit'],
};

/** Debian's kernel 6.12: everything, but __netif_receive_skb_core has only a suffixed symbol. */
export const v612: KernelFeatures = {
  release: '6.12.0',
  btf: true,
  functions,
  modules: {},
  tracepoints,
  symbols,
  kfuncs: { bpf_dynptr_from_skb: true, bpf_rdonly_cast: true, bpf_cast_to_kern_ctx: true },
  tcx: true,
  cgroupPrograms: true,
  netfilterLinks: true,
  kprobes: true,
  ftrace: true,
  netfilterEgress: true,
  tapListPerNetns: false,
  directMap: { vmemmap_base: 0xffffffff82f4c0f0n, page_offset_base: 0xffffffff82f4c0f8n },
  lockdown: 'none',
  capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_SYS_ADMIN', 'CAP_SYSLOG', 'CAP_PERFMON', 'CAP_BPF'],
  refusals: [],
};

/** Kernel 5.10: plain symbols, no kfuncs, tracepoints with fewer arguments. */
export const v510: KernelFeatures = {
  ...v612,
  release: '5.10.0',
  netfilterEgress: false,
  tracepoints: { ...tracepoints, qdisc_enqueue: null, kfree_skb: [skb, pointer('')], consume_skb: [skb] },
  symbols: { ...symbols, __netif_receive_skb_core: ['__netif_receive_skb_core'] },
  tcx: false,
  netfilterLinks: false,
  kfuncs: { bpf_dynptr_from_skb: false, bpf_rdonly_cast: false, bpf_cast_to_kern_ctx: false },
};

/** A small 6.18 that was built without kprobes and refuses fentry programs. */
export const v618: KernelFeatures = {
  ...v612,
  release: '6.18.0',
  tapListPerNetns: true,
  kprobes: false,
  lockdown: 'unknown',
  refusals: [{ mechanism: 'fentry', reason: 'this kernel refuses fentry programs (EPERM)' }],
};

export const withoutBtf: KernelFeatures = {
  ...v612,
  release: '4.19.0',
  btf: false,
  functions: { __netif_receive_skb_core: null, dev_queue_xmit_nit: null },
  tracepoints: Object.fromEntries(Object.keys(tracepoints).map((name) => [name, null])),
  kfuncs: v510.kfuncs,
};

/** 6.12 under lockdown=confidentiality: no probe reads. */
export const confidential: KernelFeatures = { ...v612, lockdown: 'confidentiality' };

/** The same for a kernel that has no kfuncs to read by either. */
export const confidential510: KernelFeatures = { ...v510, lockdown: 'confidentiality' };

/** 5.10 that turned our packet-socket program down. */
export const withoutSockets: KernelFeatures = {
  ...v510,
  refusals: [{ mechanism: 'packet_socket', reason: 'EINVAL: back-edge from insn 5 to 3' }],
};

/** /proc/kallsyms cannot be read: no symbol is known. */
export const withoutSymbols: KernelFeatures = {
  ...v612,
  symbols: Object.fromEntries(Object.keys(symbols).map((name) => [name, []])),
};

export const kernels = {
  v510,
  v612,
  v618,
  withoutBtf,
  confidential,
  confidential510,
  withoutSockets,
  withoutSymbols,
};
