/** Short forms for the rungs that many rows share. */
import type { Mechanism, Rung } from './types.js';

/** A rung with a program in bpf/<object>.bpf.c. */
export function built(
  mechanism: Mechanism,
  target: string,
  object: string,
  name: string,
  remark?: string,
): Rung {
  const rung: Rung = { mechanism, target, program: { object, name }, skbArgument: 0 };
  return remark === undefined ? rung : { ...rung, remark };
}

/** A rung whose program is still to come; `skbArgument` only where the target is handed the packet. */
export function planned(mechanism: Mechanism, target: string, remark: string, skbArgument?: number): Rung {
  const rung: Rung = { mechanism, target, remark };
  return skbArgument === undefined ? rung : { ...rung, skbArgument };
}

export const kprobeRemark =
  'Needs kprobes in the kernel, and reads memory by probe reads, which lockdown=confidentiality refuses.';

/** fentry, then kprobe, on one function. */
export function functionRungs(target: string, skbArgument: number, fentryRemark: string): Rung[] {
  return [
    planned('fentry', target, fentryRemark, skbArgument),
    planned('kprobe', target, kprobeRemark, skbArgument),
  ];
}

/** The passive ways to watch netfilter hooks: the one function that runs them. */
export function hookRungs(which: string): Rung[] {
  return [
    planned(
      'fexit',
      'nf_hook_slow',
      `Passive: the packet, the hook state (${which}) and the sum of all verdicts, but not which chain gave it.`,
      0,
    ),
    planned('kretprobe', 'nf_hook_slow', kprobeRemark, 0),
  ];
}

/** The ladder of an IP hook: links of ours between the chains first, since only they tell chains apart. */
export function ipHookLadder(hook: string): Rung[] {
  const link = built(
    'netfilter',
    hook,
    'netfilter',
    'hook',
    'A probe of ours: one more hook at a free priority, so it also tells which chains a packet passed; IPv4 and IPv6 only.',
  );
  return [link, ...hookRungs(hook)];
}

/** The ladder of a tc stage: tcx sees every packet, tcf_classify only what meets a filter. */
export function tcLadder(target: string): Rung[] {
  return [
    planned(
      'tcx',
      target,
      'A probe of ours: one more program on the device, which sees every packet; needs kernel 6.6.',
    ),
    ...functionRungs(
      'tcf_classify',
      0,
      'Passive, but runs only where a filter is attached to clsact, after the tcx programs, and for classful qdiscs too.',
    ),
  ];
}
