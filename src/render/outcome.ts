/** What became of a packet at a stage, in words: the verdict of netfilter hooks, the answer of a packet socket. */
import { constants } from 'node:os';
import { tapDelivery } from '../decode/layout.generated.js';
import type { RecordView } from '../decode/record.js';

/** NFPROTO_* (include/uapi/linux/netfilter.h). */
const families: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ipv4',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ipv6',
};

const errnoNames = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

/** Family of the netfilter hook a record is from. */
export function familyName(record: RecordView): string {
  return families[record.nfFamily] ?? String(record.nfFamily);
}

/** What nf_hook_slow returned (net/netfilter/core.c): 1 passed, 0 stolen or queued, an errno for a drop. */
export function verdictText({ verdict }: RecordView): string {
  if (verdict > 0) return 'passed';
  if (verdict === 0) return 'stolen or queued';
  const name = errnoNames.get(-verdict) ?? String(verdict);
  return name === 'EPERM' ? 'dropped' : `dropped (${name})`;
}

export type DeliveryResult = 'unknown' | 'taken' | 'filtered' | 'full';

const results = new Map(
  Object.entries(tapDelivery).map(([name, value]) => [BigInt(value), name as DeliveryResult]),
);

/** What a packet socket made of the packet it was handed; undefined where its answer is not there. */
export function deliveryResult(record: RecordView): DeliveryResult | undefined {
  return record.has('aux') ? (results.get(record.aux) ?? 'unknown') : undefined;
}
