/** Reads how the packet sockets of watched namespaces are set up, and says beforehand where that cannot be read. */
import type { AttachPlan } from '../attach/plan.js';
import type { RecordView } from '../decode/record.js';
import { filterAddon } from '../filter/filter.js';
import { isNativeError, type NativeBinding } from '../native/binding.js';
import { type Capability, holdsCapability } from '../system/kernel.js';
import { NetlinkRefused } from '../system/netlink.js';
import { readPacketDiag, type SocketSetup } from '../system/packet-diag.js';
import type { Devices } from './devices.js';
import { type KnownSocket, type SocketSource, SocketTakes } from './socket-takes.js';
import { deliveryFilter } from './verdicts.js';

const ENOENT = 2;
/** A filter that was changed twice may have the address of the first again. */
const trustedMs = 1000;
const maxSockets = 1024;

/** The sockets of a namespace by inode; undefined where they cannot be read. */
export type ReadSetups = (netnsInum: number) => ReadonlyMap<string, SocketSetup> | undefined;

interface ReadSocket extends KnownSocket {
  readAtMs: number;
}

/** Sockets of a live trace: read when first met, when their filter is another one, and after a second. */
export class SocketSetups implements SocketSource {
  private readonly known = new Map<string, ReadSocket>();

  constructor(
    private readonly read: ReadSetups,
    private readonly nowMs = () => performance.now(),
  ) {}

  socketOf(record: RecordView): KnownSocket {
    const inode = record.socketInode;
    const filterAddress = deliveryFilter(record);
    const before = this.known.get(inode);
    const isSame = before?.filterAddress === filterAddress;
    if (before && isSame && this.nowMs() - before.readAtMs < trustedMs) return before;
    const found = this.read(record.netnsInum)?.get(inode);
    // A socket that has been closed had it until then.
    const setup = found ?? (isSame ? before?.setup : undefined);
    if (this.known.size >= maxSockets) this.known.clear();
    const socket = { inode, filterAddress, setup, readAtMs: this.nowMs() };
    this.known.set(inode, socket);
    return socket;
  }
}

export interface TakesOfTrace {
  /** Absent where no socket could be asked, or no delivery is watched. */
  readonly sockets?: SocketSource;
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
  const sockets = new SocketSetups((inum) => setupsOf(native, devices, inum));
  const takes = new SocketTakes(sockets);
  if (holdsCapability(held, 'CAP_NET_ADMIN')) return { sockets, takes, notes: [] };
  return { sockets, takes, notes: [`${unknown} where they have a filter: to read it takes CAP_NET_ADMIN`] };
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
