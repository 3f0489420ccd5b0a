/** What these rights and this kernel keep from a trace that runs all the same: told before the first event. */
import { readFileSync } from 'node:fs';
import type { StageId } from '../stages/types.js';
import type { Capability } from '../system/kernel.js';
import type { ArmedDevice } from './arming.js';

/** Stages whose events name the place in the kernel's code. */
const withLocation: ReadonlySet<StageId> = new Set(['drop', 'consume']);

function isHiddenFromAll(): boolean {
  try {
    return readFileSync('/proc/sys/kernel/kptr_restrict', 'utf8').trim() === '2';
  } catch {
    return false;
  }
}

/** Whether stacks and places will be bare addresses, and what would change it (kernel/kallsyms.c, kallsyms_show_value). */
export function symbolNotes(
  { stages, stacks }: { readonly stages: readonly { readonly id: StageId }[]; readonly stacks: boolean },
  symbols: { readonly areHidden: boolean },
  hiddenFromAll = isHiddenFromAll,
): string[] {
  const what = [
    ...(stacks ? ['stacks'] : []),
    ...(stages.some(({ id }) => withLocation.has(id)) ? ['places of drops'] : []),
  ];
  if (what.length === 0 || !symbols.areHidden) return [];
  const why = hiddenFromAll()
    ? 'kernel.kptr_restrict=2 hides the addresses of symbols from everyone'
    : 'the addresses of symbols need CAP_SYSLOG';
  return [`${what.join(' and ')} are bare addresses: ${why}`];
}

/** /proc/<pid>/fd is for its user to list (0500), and its links for who may trace the process (fs/proc/fd.c). */
const readsAllDescriptors: readonly Capability[] = ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'];

/** Told only where a socket's owner was looked for and not found. */
export function ownerNotes(armed: readonly ArmedDevice[], held: readonly Capability[]): string[] {
  const isUnknown = armed.some(({ by }) => by.some(({ owners }) => owners.length === 0));
  const missing = readsAllDescriptors.filter((name) => !held.includes(name));
  if (!isUnknown || missing.length === 0) return [];
  return [`owners of other users' packet sockets are not known: needs ${missing.join(' and ')}`];
}
