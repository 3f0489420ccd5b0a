/** Reads how the packet sockets of watched namespaces are set up, and says beforehand where that cannot be read. */
import type { AttachPlan } from '../attach/plan.js';
import { filterAddon } from '../filter/filter.js';
import { isNativeError, type NativeBinding } from '../native/binding.js';
import { type Capability, holdsCapability } from '../system/kernel.js';
import { NetlinkRefused } from '../system/netlink.js';
import { readPacketDiag, type SocketSetup } from '../system/packet-diag.js';
import type { Devices } from './devices.js';
import { SocketTakes } from './socket-takes.js';

const ENOENT = 2;

export interface TakesOfTrace {
  /** Absent where no socket could be asked, or no delivery is watched. */
  readonly takes?: SocketTakes;
  readonly notes: readonly string[];
}

/** Call while all capabilities are there: the kernel may have to load packet_diag. */
export function socketTakes(
  native: NativeBinding,
  devices: Pick<Devices, 'netns'>,
  { attachments }: Pick<AttachPlan, 'attachments'>,
  held: readonly Capability[],
): TakesOfTrace {
  if (!attachments.some(({ stage }) => stage === 'delivery')) return { notes: [] };
  const unknown = 'how many bytes packet sockets take is not known';
  try {
    filterAddon();
    readPacketDiag(native, null);
  } catch (error) {
    return { notes: [`${unknown}: ${whyNot(error)}`] };
  }
  const takes = new SocketTakes((inum) => setupsOf(native, devices, inum));
  if (holdsCapability(held, 'CAP_NET_ADMIN')) return { takes, notes: [] };
  return { takes, notes: [`${unknown} where they have a filter: to read it takes CAP_NET_ADMIN`] };
}

function whyNot(error: unknown): string {
  if (error instanceof NetlinkRefused && error.errno === ENOENT)
    return 'this kernel has no packet_diag, which tells the filters of sockets';
  return error instanceof Error ? error.message : String(error);
}

/** Undefined where the namespace is gone or may not be entered. */
function setupsOf(
  native: NativeBinding,
  { netns }: Pick<Devices, 'netns'>,
  inum: number,
): ReadonlyMap<string, SocketSetup> | undefined {
  const namespace = netns.find((one) => one.inum === inum);
  if (!namespace) return undefined;
  try {
    return readPacketDiag(native, namespace.path);
  } catch (error) {
    if (isNativeError(error) || error instanceof NetlinkRefused) return undefined;
    throw error;
  }
}
