/** What a stage answered about a packet, in words: the driver, a netfilter hook, a packet socket. */
import { constants } from 'node:os';
import { tapDelivery } from '../decode/layout.generated.js';
import type { RecordView } from '../decode/record.js';
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

/** NFPROTO_* (include/uapi/linux/netfilter.h). */
const families: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};

const errnoNames = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

/** Family of the netfilter hook a record is from, in nft's word. */
export function familyName(record: RecordView): string {
  return families[record.nfFamily] ?? String(record.nfFamily);
}

/** What nf_hook_slow returned (net/netfilter/core.c): 1 passed, 0 stolen or queued, an errno for a drop. */
function hookVerdict(verdict: number): string {
  if (verdict > 0) return 'passed';
  if (verdict === 0) return 'stolen or queued';
  const name = errnoNames.get(-verdict) ?? String(verdict);
  return name === 'EPERM' ? 'dropped' : `dropped (${name})`;
}

/** TAP_DELIVERY_FILTER_SHIFT of bpf/event.h. */
const deliveryFilterShift = 8;

export type DeliveryResult = 'unknown' | 'taken' | 'filtered' | 'full';

const results = new Map(
  Object.entries(tapDelivery).map(([name, value]) => [BigInt(value), name as DeliveryResult]),
);

/** What a packet socket made of a packet that it was handed. */
export interface Delivery {
  /** Undefined where its answer is not there. */
  readonly result: DeliveryResult | undefined;
  /** How many bytes of the packet it took; absent where that is not known. */
  readonly takenBytes?: number;
}

const resultMask = (1n << BigInt(deliveryFilterShift)) - 1n;

/** As the counters of the socket tell. */
export function deliveryResult(record: RecordView): DeliveryResult | undefined {
  return record.has('aux') ? (results.get(record.aux & resultMask) ?? 'unknown') : undefined;
}

/** A number for the filter that the socket had then; 0n: none. */
export function deliveryFilter(record: RecordView): bigint {
  return record.aux >> BigInt(deliveryFilterShift);
}

export function deliveryOf({ delivery, record }: TapEvent): Delivery {
  return delivery ?? { result: deliveryResult(record) };
}

/** enum xdp_action (linux/bpf.h); drivers take any other for aborted. */
const xdpActions: readonly (readonly [name: string, text: string])[] = [
  ['aborted', 'aborted by XDP'],
  ['drop', 'dropped by XDP'],
  ['pass', 'passed'],
  ['tx', 'sent back by XDP'],
  ['redirect', 'redirected by XDP'],
];

/** What an XDP program made of a frame: one word, and a phrase for people. */
export const xdpAction = (verdict: number): readonly [name: string, text: string] =>
  xdpActions[verdict] ?? xdpActions[0]!;

function answer({ record, stage }: TapEvent): readonly [name: string, text: string] {
  if (stage.id === 'xmit-done') return driverAnswer(record.verdict);
  if (stage.id === 'xdp') return xdpAction(record.verdict);
  const text = hookVerdict(record.verdict);
  return [text, text];
}

/** One word for programs; undefined where the stage gives no answer. */
export function verdictName(event: TapEvent): string | undefined {
  return event.record.has('verdict') ? answer(event)[0] : undefined;
}

/** A phrase for people. */
export function verdictText(event: TapEvent): string | undefined {
  return event.record.has('verdict') ? answer(event)[1] : undefined;
}
