/** The kernel and the machine as a source of names: what a live trace asks. */
import type { TapSession } from '../attach/session.js';
import type { NativeBinding } from '../native/binding.js';
import { DropReasons } from '../system/drop-reasons.js';
import type { Holder } from '../system/packet-sockets.js';
import type { SymbolTable } from '../system/symbols.js';
import type { Devices } from './devices.js';
import type { NameSource } from './names.js';
import type { SocketHolders } from './socket-holders.js';

export class KernelNames implements NameSource {
  private readonly reasons: DropReasons;

  constructor(
    native: Pick<NativeBinding, 'btfEnum'>,
    private readonly session: Pick<TapSession, 'stack'>,
    readonly devices: Devices,
    private readonly symbols: Pick<SymbolTable, 'describe'>,
    private readonly holders?: SocketHolders,
  ) {
    this.reasons = new DropReasons(native);
  }

  dropReason(value: number): string {
    return this.reasons.name(value);
  }

  symbol(address: bigint): string {
    return this.symbols.describe(address);
  }

  stack(stackId: number): readonly bigint[] {
    return this.session.stack(stackId);
  }

  socketHolders(inode: string): readonly Holder[] {
    return this.holders?.of(inode) ?? [];
  }
}
