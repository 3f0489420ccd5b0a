/** One look over a batch of raw records: what they name that was not met before, and whether some are missing. */
import { tapRecord as at, tapFlag, tapPresent } from '../decode/layout.generated.js';
import { type Batch, RecordView } from '../decode/record.js';
import { stageById } from '../stages/lookup.js';

/** Is told what was met for the first time; of devices and sockets also again, while they remain unknown. */
export interface ScanListener {
  /** False: it is not known yet, and is to be asked for again. */
  device(netnsInum: number, ifindex: number): boolean;
  location(address: bigint): void;
  stack(stackId: number): void;
  dropReason(value: number): void;
  /** A record that tells of a packet socket, every time. */
  socket(record: RecordView): void;
}

const words = {
  recordLen: at.recordLen >> 2,
  present: at.present >> 2,
  flags: at.flags >> 2,
  netns: at.netnsInum >> 2,
  ifindex: at.ifindex >> 2,
  location: at.location >> 2,
  stackId: at.stackId >> 2,
  reason: at.reason >> 2,
  sequence: at.sequence >> 2,
} as const;

const named = tapPresent.location | tapPresent.stack | tapPresent.reason;
const deliveryNumber = stageById('delivery').number;
const dropNumber = stageById('drop').number;

export class BatchScan {
  /** Records so far, those left out that only amend another one. */
  events = 0;
  private readonly devices = new Map<number, Set<number>>();
  private readonly locations = new Set<number>();
  private readonly stacks = new Set<number>();
  private readonly reasons = new Set<number>();
  private lastNetns = -1;
  private lastIfindex = -1;
  private readonly record = new RecordView();
  /** The next number of each attachment on each ring. */
  private readonly sequences: number[] = [];

  constructor(
    private readonly rings: number,
    private readonly listener: ScanListener,
  ) {}

  /** Returns the offset of the last record, and whether records before some of these are missing. */
  scan(ring: number, batch: Batch, bytes: number): { last: number; isMissing: boolean } {
    const { u32, u8, u16 } = batch;
    let last = 0;
    let isMissing = false;
    for (let offset = 0; offset < bytes; ) {
      const word = offset >> 2;
      const present = u32[word + words.present]!;
      if ((u32[word + words.flags]! & tapFlag.amends) === 0) this.events += 1;
      const source = u16[(offset + at.attachId) >> 1]! * this.rings + ring;
      const sequence = u32[word + words.sequence]!;
      const next = this.sequences[source];
      if (next !== undefined && sequence !== next) isMissing = true;
      this.sequences[source] = (sequence + 1) >>> 0;
      if (present & tapPresent.ifindex) this.device(u32[word + words.netns]!, u32[word + words.ifindex]!);
      if (present & named) this.names(u32, word, present);
      // An answer alone names no socket, and with its packet's record only it does.
      if (present & (tapPresent.socketInode | tapPresent.aux)) {
        const stage = u8[offset + at.stage]!;
        if (stage === deliveryNumber || stage === dropNumber)
          this.listener.socket(this.record.at(batch, offset));
      }
      last = offset;
      offset += u32[word + words.recordLen]!;
    }
    return { last, isMissing };
  }

  private device(netns: number, ifindex: number): void {
    if (netns === this.lastNetns && ifindex === this.lastIfindex) return;
    const known = this.devices.get(netns) ?? new Set();
    if (!known.has(ifindex)) {
      if (!this.listener.device(netns, ifindex)) return;
      this.devices.set(netns, known.add(ifindex));
    }
    this.lastNetns = netns;
    this.lastIfindex = ifindex;
  }

  private names(u32: Uint32Array, word: number, present: number): void {
    if (present & tapPresent.location) {
      const low = u32[word + words.location]!;
      const high = u32[word + words.location + 1]!;
      // Kernel addresses differ in their lowest 53 bits.
      if (isNew(this.locations, (high & 0x1fffff) * 2 ** 32 + low))
        this.listener.location((BigInt(high) << 32n) | BigInt(low));
    }
    if (present & tapPresent.stack) {
      const id = u32[word + words.stackId]! | 0;
      if (isNew(this.stacks, id)) this.listener.stack(id);
    }
    if (present & tapPresent.reason) {
      const reason = u32[word + words.reason]!;
      if (isNew(this.reasons, reason)) this.listener.dropReason(reason);
    }
  }
}

function isNew(known: Set<number>, value: number): boolean {
  if (known.has(value)) return false;
  known.add(value);
  return true;
}
