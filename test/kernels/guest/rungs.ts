/** The rungs that have programs, and on which kernels each must work: one that is lost in silence is a failure. */
import { stages } from '../../../src/stages/table.js';
import type { Mechanism, StageId } from '../../../src/stages/types.js';
import { isConfidential, isSince, passiveSeesBytes } from './situation.js';

export interface RungOf {
  readonly stage: StageId;
  readonly mechanism: Mechanism;
}

/** `<stage>=<mechanism>`, as --mechanism takes it. */
export function rungName({ stage, mechanism }: RungOf): string {
  return `${stage}=${mechanism}`;
}

/** All rungs with a program, in the table's order. */
export const builtRungs: readonly RungOf[] = stages.flatMap(({ id, ladder }) =>
  [...new Set(ladder.filter(({ program }) => program !== undefined).map(({ mechanism }) => mechanism))].map(
    (mechanism) => ({ stage: id, mechanism }),
  ),
);

/** What does not work everywhere, and where it does. */
const limits: Readonly<Record<string, boolean>> = {
  // Later compilers give the function a suffix. Its argument is a pointer to the pointer: only probe reads follow it.
  'rx-tap=fentry': !isSince('6.1') && !isConfidential,
  'rx-tap=kprobe': !isConfidential,
  'tx-tap=kprobe': !isConfidential,
  // The hook came with 5.16.
  'nf-egress=fexit': isSince('6.1'),
  'nf-egress=kretprobe': isSince('6.1') && !isConfidential,
};

/** Programs that follow pointers by probe reads alone. */
const byProbeOnly = new Set(['xdp', 'rx-handler', 'ip-output', 'delivery']);

export function mustWork(rung: RungOf): boolean {
  const known = limits[rungName(rung)];
  if (known !== undefined) return known;
  const { stage, mechanism } = rung;
  // CONFIG_NETFILTER_BPF_LINK and bpf_dynptr_from_skb 6.4, tcx 6.6.
  if (['netfilter', 'cgroup_skb', 'tcx'].includes(mechanism)) return isSince('6.12');
  return !(isConfidential && (mechanism === 'kprobe' || mechanism === 'kretprobe' || byProbeOnly.has(stage)));
}

/**
 * Under confidentiality fentry and fexit programs have direct loads only: no dynptr can be had of what they are given
 * (kernel/bpf/verifier.c: their arguments are not trusted).
 */
export function seesBytes({ mechanism }: RungOf): boolean {
  if (mechanism === 'packet_socket' || !isConfidential) return true;
  return passiveSeesBytes && mechanism !== 'fentry' && mechanism !== 'fexit';
}
