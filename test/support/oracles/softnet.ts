/** What each CPU's receive function has processed, of every namespace. */
import { readFileSync } from 'node:fs';

/** CPU number in /proc/net/softnet_stat, since 5.10. */
const CPU_COLUMN = 12;

/** `processed` of /proc/net/softnet_stat by CPU: 32 bits, counted in each round of `__netif_receive_skb_core`. */
export function processedByCpu(): Map<number, number> {
  const rows = readFileSync('/proc/net/softnet_stat', 'latin1').trim().split('\n');
  return new Map(
    rows.map((row) => {
      const columns = row.split(' ').map((column) => Number.parseInt(column, 16));
      return [columns[CPU_COLUMN]!, columns[0]!];
    }),
  );
}
