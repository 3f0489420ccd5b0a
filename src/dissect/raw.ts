/** Packets without a link header: tun devices, and the hooks of layer 3. */
import { ethertypeText, type MetadataTag, tagText } from './ethernet.js';
import { printIpv4 } from './ipv4.js';
import { printIpv6 } from './ipv6.js';
import { printLlc } from './llc.js';
import { isVlanEthertype } from './names.js';
import { printNetwork } from './network.js';
import type { Printer } from './printer.js';

/**
 * Prints a packet that begins with a network header. With -e tcpdump can only say "ip: " of such a packet; where the
 * protocol is known here, the ethertype and the tags are said as for Ethernet, only without the addresses.
 */
export function printRaw(p: Printer, at: number, length: number, protocol?: number, tag?: MetadataTag): void {
  p.protocol = 'raw';
  if (protocol === undefined) {
    if (p.linkHeader) p.print('ip: ');
    printIp(p, at, length);
    return;
  }
  let type = protocol;
  let next = at;
  let prefix = tag ? `${ethertypeText(p, tag.protocol)}, length ${length}: ${tagText(tag.tci)}` : '';
  while (isVlanEthertype(type)) {
    prefix += `${ethertypeText(p, type)}${prefix === '' ? `, length ${length}:` : ','} ${tagText(p.u16(next))}`;
    type = p.u16(next + 2);
    next += 4;
  }
  const rest = length - (next - at);
  if (type <= 1500) {
    if (p.linkHeader) p.print(`${prefix}802.3, length ${length}: `);
    printLlc(p, next, rest);
    return;
  }
  const typeText = `${ethertypeText(p, type)}${prefix === '' ? `, length ${length}: ` : ', '}`;
  if (p.linkHeader) p.print(prefix + typeText);
  if (printNetwork(p, type, next, rest)) return;
  if (!p.linkHeader) p.print(prefix + typeText);
  p.endBeforeDump();
}

/** Goes by the version in the first byte. */
function printIp(p: Printer, at: number, length: number): void {
  p.protocol = 'ipn';
  if (length < 1) {
    p.print(`truncated-ip ${length}`);
    return;
  }
  const version = p.u8(at) >> 4;
  if (version === 4) printIpv4(p, at, length);
  else if (version === 6) printIpv6(p, at, length);
  else p.print(`unknown ip ${version}`);
}
