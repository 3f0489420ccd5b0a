/** What a stage answered about a packet, in words. */
import type { TapEvent } from './event.js';

/** include/linux/netdevice.h: NET_XMIT_*, NETDEV_TX_*; 0 to 15 and negative numbers mean that the packet is gone. */
const driverAnswers = new Map<number, readonly [name: string, text: string]>([
  [0, ['taken', 'taken']],
  [1, ['dropped', 'dropped by the driver']],
  [2, ['congested', 'taken; the device is congested']],
  [0x10, ['busy', 'busy, will be tried again']],
]);

const driverAnswer = (code: number): readonly [name: string, text: string] =>
  driverAnswers.get(code) ?? [`${code}`, `answered ${code}`];

/** One word for programs; undefined where the stage gives no answer. */
export function verdictName({ record, stage }: TapEvent): string | undefined {
  if (!record.has('verdict')) return undefined;
  return stage.id === 'xmit-done' ? driverAnswer(record.verdict)[0] : undefined;
}

/** A phrase for people. */
export function verdictText({ record, stage }: TapEvent): string | undefined {
  if (!record.has('verdict')) return undefined;
  return stage.id === 'xmit-done' ? driverAnswer(record.verdict)[1] : undefined;
}
