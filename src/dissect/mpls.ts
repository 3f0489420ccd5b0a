/** MPLS label stacks and the IP packet behind them. */
import { printIpv4 } from './ipv4.js';
import { printIpv6 } from './ipv6.js';
import type { Printer } from './printer.js';

const reservedLabels = ['IPv4 explicit NULL', 'router alert', 'IPv6 explicit NULL', 'implicit NULL'];
const RESERVED_LABELS = 16;

export function printMpls(p: Printer, start: number, length: number): void {
  p.protocol = 'mpls';
  p.print('MPLS');
  let at = start;
  let rest = length;
  let entry = 0;
  do {
    if (rest < 4) {
      p.markInvalid();
      return;
    }
    entry = p.u32(at);
    p.print(labelText(p, entry, at === start));
    at += 4;
    rest -= 4;
  } while ((entry & 0x100) === 0);
  printPayload(p, entry >>> 12, at, rest);
}

function labelText(p: Printer, entry: number, isFirst: boolean): string {
  const label = entry >>> 12;
  const name = p.verbose > 0 && label < RESERVED_LABELS ? (reservedLabels[label] ?? 'rsvd') : undefined;
  const lead = !isFirst && p.verbose > 0 ? '\n\t' : ' ';
  const bottom = entry & 0x100 ? ', [S]' : '';
  return `${lead}(label ${label}${name ? ` (${name})` : ''}, tc ${(entry >> 9) & 7}${bottom}, ttl ${entry & 0xff})`;
}

/** Labels 0, 2 and 3 say what follows; for all others the first byte has to. */
function printPayload(p: Printer, label: number, at: number, rest: number): void {
  const isReserved = label === 0 || label === 2 || label === 3;
  if (!isReserved && rest < 1) return;
  const first = isReserved ? 0 : p.u8(at);
  const separator = p.verbose > 0 ? '\n\t' : ' ';
  if (label === 0 || label === 3 || (first >= 0x45 && first <= 0x4f)) {
    p.print(separator);
    printIpv4(p, at, rest);
  } else if (label === 2 || first >> 4 === 6) {
    p.print(separator);
    printIpv6(p, at, rest);
  }
}
