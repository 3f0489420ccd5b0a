/** Short forms for the rungs that many rows share. */
import type { Mechanism, Rung, RungProgram, StageId } from './types.js';

/** All functions of a rung, or its one target. */
export function targetsOf({ target, targets = [target] }: Pick<Rung, 'target' | 'targets'>) {
  return targets;
}

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

/** A rung on a function whose program follows pointers that nothing but a probe read can. */
export function byProbe(mechanism: 'fentry' | 'kprobe', target: string, name: string, remark: string): Rung {
  const program = { object: mechanism, name, byProbeOnly: true };
  return { mechanism, target, program, skbArgument: 0, remark };
}

/** Without a program: a packet at one of these stages has passed. */
export function provedBy(stages: readonly [StageId, ...StageId[]], remark: string): Rung {
  return { mechanism: 'inferred', target: stages.join(', '), provedBy: stages, remark };
}

export const kprobeRemark =
  'Needs kprobes in the kernel, and reads memory by probe reads, which lockdown=confidentiality refuses.';

/** fentry, then kprobe, on one function or several with the same arguments: a program for each. */
export function functionRungs(
  targets: string | readonly [string, ...string[]],
  program: Omit<RungProgram, 'object'> & { readonly skbArgument?: number },
  remark?: string,
): Rung[] {
  const { skbArgument = 0, ...named } = program;
  const names = typeof targets === 'string' ? [targets] : targets;
  const common = { target: names[0]!, ...(names.length > 1 && { targets: names }), skbArgument };
  return [
    { mechanism: 'fentry', ...common, program: { object: 'fentry', ...named }, ...(remark && { remark }) },
    { mechanism: 'kprobe', ...common, program: { object: 'kprobe', ...named }, remark: kprobeRemark },
  ];
}

/** The passive ways to watch netfilter hooks: the one function that runs them, at its entry and at its return. */
export function hookRungs(which: string): Rung[] {
  const program = { name: 'hook_entry', onReturn: 'hook_return', allHooks: true };
  const common = { target: 'nf_hook_slow', skbArgument: 0 };
  const remark = `Passive: the packet, the hook state (${which}) and the sum of all verdicts, but not which chain gave it.`;
  return [
    { mechanism: 'fexit', ...common, program: { object: 'fentry', ...program }, remark },
    { mechanism: 'kretprobe', ...common, program: { object: 'kprobe', ...program }, remark: kprobeRemark },
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
export function tcLadder(target: string, program: 'tc_ingress' | 'tc_egress'): Rung[] {
  const functions: readonly [string, ...string[]] =
    program === 'tc_ingress' ? ['tcf_classify', 'tcf_classify_ingress'] : ['tcf_classify'];
  return [
    built(
      'tcx',
      target,
      'tcx',
      'next',
      'A probe of ours: one more program on the device, which sees every packet; needs kernel 6.6.',
    ),
    ...functionRungs(
      functions,
      { name: program },
      'Passive, but runs only where a filter is attached to clsact, after the tcx programs.',
    ),
  ];
}
