/** Who holds the packet sockets that packets are delivered to, looked up when a socket is first met. */
import { type Holder, socketHolders } from '../system/packet-sockets.js';

/** Looking through every process costs milliseconds. */
const pauseMs = 1000;

export class SocketHolders {
  private readonly known = new Map<string, readonly Holder[]>();
  private lookedAt = Number.NEGATIVE_INFINITY;

  /** `taps`: sockets whose holders are known already. */
  constructor(
    taps: readonly { readonly inode: number; readonly owners: readonly Holder[] }[],
    private readonly find = socketHolders,
    private readonly nowMs = () => performance.now(),
  ) {
    for (const { inode, owners } of taps) if (owners.length > 0) this.known.set(String(inode), owners);
  }

  /** Empty where none could be found: the process has ended, or is another user's. */
  of(inode: string): readonly Holder[] {
    const known = this.known.get(inode);
    if (known) return known;
    if (this.nowMs() - this.lookedAt < pauseMs) return [];
    this.lookedAt = this.nowMs();
    const found = this.find(new Set([Number(inode)])).get(Number(inode)) ?? [];
    if (found.length > 0) this.known.set(inode, found);
    return found;
  }
}
