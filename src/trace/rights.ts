/** Whether this process may do what a trace needs: asked before anything is tried. */
import { MissingError } from '../errors.js';
import type { TraceOptions } from './options.js';

/** Capabilities a trace needs (CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON). */
export function missingCapabilities(
  held: readonly string[],
  needs: { arm: boolean; otherNetns: boolean },
): string[] {
  const admin = held.includes('CAP_SYS_ADMIN');
  const wanted = admin ? [] : ['CAP_BPF', 'CAP_PERFMON'];
  if (needs.arm) wanted.push('CAP_NET_RAW');
  if (needs.otherNetns) wanted.push('CAP_SYS_ADMIN');
  return wanted.filter((name) => !held.includes(name));
}

/** Throws MissingError naming what is missing. */
export function checkRights(held: readonly string[], options: TraceOptions): void {
  const arm = options.arm || [...options.mechanisms.values()].includes('packet_socket');
  const missing = missingCapabilities(held, { arm, otherNetns: options.netns.length > 0 });
  if (missing.length === 0) return;
  throw new MissingError(
    `tracing needs the capabilities ${missing.join(', ')}, which this process does not have`,
    'run it as root, or give node these capabilities',
  );
}
