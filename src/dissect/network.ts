/** From an ethertype to the printer of what follows. */
import { printArp } from './arp.js';
import { printIpv4 } from './ipv4.js';
import { printIpv6 } from './ipv6.js';
import { printMpls } from './mpls.js';
import { ETHERTYPE, namedOnlyEthertype } from './names.js';
import type { Printer } from './printer.js';

/** False where nothing is known about the ethertype, and nothing was printed. */
export function printNetwork(p: Printer, type: number, at: number, length: number): boolean {
  switch (type) {
    case ETHERTYPE.ipv4:
      printIpv4(p, at, length);
      return true;
    case ETHERTYPE.ipv6:
      printIpv6(p, at, length);
      return true;
    case ETHERTYPE.arp:
    case ETHERTYPE.rarp:
      printArp(p, at, length);
      return true;
    case ETHERTYPE.mpls:
    case ETHERTYPE.mplsMulticast:
      printMpls(p, at, length);
      return true;
    default: {
      const name = namedOnlyEthertype(type);
      if (name !== undefined) p.print(`${name}, length ${length}`);
      return name !== undefined;
    }
  }
}
