/** What drivers count of the frames that native XDP took: `ethtool -S` has the same numbers. */
import type { NativeBinding } from '../native/binding.js';

export const takenVerdicts = ['aborted', 'drop', 'tx', 'redirect'] as const;
export type TakenVerdict = (typeof takenVerdicts)[number];
export type XdpCounts = Readonly<Partial<Record<TakenVerdict, number>>>;

/** `rx_queue_0_xdp_drops` (veth), `rx3_xdp_redirect` and `rx_xdp_tx_xmit` (mlx5), `queue_1_rx_xdp_aborted` (ena). */
const counterName = /^(?!tx)(.*)xdp_(drop|tx|redirect|abort)(?:s|ed|_xmit)?$/;

const verdictOf: Readonly<Record<string, TakenVerdict>> = {
  ...{ abort: 'aborted', drop: 'drop', tx: 'tx', redirect: 'redirect' },
};

/** Totals by verdict: of all queues, or the driver's own where it has them too. Those it does not count are absent. */
export function xdpCountsOf(statistics: Readonly<Record<string, number>>): XdpCounts {
  const found = Object.entries(statistics).flatMap(([name, value]) => {
    const [, place, word] = counterName.exec(name) ?? [];
    return word === undefined ? [] : [{ verdict: verdictOf[word]!, isOfQueue: /\d/.test(place!), value }];
  });
  const counts: Partial<Record<TakenVerdict, number>> = {};
  for (const verdict of takenVerdicts) {
    const all = found.filter((one) => one.verdict === verdict);
    const totals = all.filter(({ isOfQueue }) => !isOfQueue);
    const counted = totals.length > 0 ? totals : all;
    if (counted.length > 0) counts[verdict] = counted.reduce((sum, { value }) => sum + value, 0);
  }
  return counts;
}

/** Undefined where the driver counts no such thing, or the device is gone. */
export function readXdpCounts(
  native: Pick<NativeBinding, 'deviceStatistics'>,
  netnsPath: string | null,
  device: string,
): XdpCounts | undefined {
  try {
    const counts = xdpCountsOf(native.deviceStatistics(netnsPath, device));
    return Object.keys(counts).length > 0 ? counts : undefined;
  } catch {
    return undefined;
  }
}
