/** What a packet socket that was handed a packet made of it, in words. */
import type { Names, TapEvent } from '../trace/event.js';
import { deliveryOf } from '../trace/verdicts.js';

export type HolderNames = Pick<Names, 'socketHolders'>;

/** `tcpdump[812]` */
export function holdersText({ record }: TapEvent, names: HolderNames): string {
  if (!record.has('socketInode')) return 'a packet socket';
  const holders = names.socketHolders?.(record.socketInode) ?? [];
  return holders.map(({ pid, comm }) => `${comm}[${pid}]`).join(', ') || `socket ${record.socketInode}`;
}

/** Of a drop since 6.11: the packet socket that had no room, where the kernel names it (net/packet/af_packet.c). */
export function isFullSocket(
  { stage, record }: Pick<TapEvent, 'stage' | 'record'>,
  names: Pick<Names, 'dropReason'>,
): boolean {
  if (stage.id !== 'drop' || !record.has('reason') || !record.has('socketInode')) return false;
  return names.dropReason(record.reason) === 'PACKET_SOCK_ERROR';
}

export function deliveryText(event: TapEvent, names: HolderNames): string {
  const who = holdersText(event, names);
  const { result, takenBytes } = deliveryOf(event);
  switch (result) {
    case 'taken':
      return takenBytes === undefined
        ? `${who} took it here`
        : `${who} took ${takenBytes} of ${event.packet.len} bytes here`;
    case 'filtered':
      return `${who} was offered it: its filter refused`;
    case 'full':
      return `${who} was offered it: its buffer was full`;
    default:
      return `${who} was offered it, what it answered is unknown`;
  }
}
