/** Neighbour discovery (RFC 4861). Options and the fields of a router advertisement are shown with -v. */
import { bitNames } from './names.js';
import { preferenceText, printDiscoveryOptions } from './neighbour-options.js';
import type { Printer } from './printer.js';

const TYPE = {
  routerSolicitation: 133,
  routerAdvertisement: 134,
  solicitation: 135,
  advertisement: 136,
  redirect: 137,
};

/** Whether an ICMPv6 type belongs here. */
export function isDiscovery(type: number): boolean {
  return type >= TYPE.routerSolicitation && type <= TYPE.redirect;
}

const routerFlags = [
  [0x80, 'managed'],
  [0x40, 'other stateful'],
  [0x20, 'home agent'],
  [0x02, 'ipv6 only'],
] as const;

const advertisementFlags = [
  [0x80, 'router'],
  [0x40, 'solicited'],
  [0x20, 'override'],
] as const;

/** Prints the message behind its type; false where its options are cut off. */
export function printDiscovery(p: Printer, at: number, length: number, type: number): boolean {
  switch (type) {
    case TYPE.routerSolicitation:
      return printOptions(p, at, length, 8);
    case TYPE.routerAdvertisement:
      if (p.verbose > 0) printRouterFields(p, at);
      return printOptions(p, at, length, 16);
    case TYPE.solicitation:
      p.print(`, who has ${p.ipv6(at + 8)}`);
      return printOptions(p, at, length, 24);
    case TYPE.advertisement:
      p.print(`, tgt is ${p.ipv6(at + 8)}`);
      if (p.verbose > 0) p.print(`, Flags [${bitNames(advertisementFlags, p.u32(at + 4) >>> 24)}]`);
      return printOptions(p, at, length, 24);
    default:
      p.print(`, ${p.ipv6(at + 24)}`);
      p.print(` to ${p.ipv6(at + 8)}`);
      return printOptions(p, at, length, 40);
  }
}

function printOptions(p: Printer, at: number, length: number, headerLen: number): boolean {
  return p.verbose === 0 || printDiscoveryOptions(p, at + headerLen, length - headerLen);
}

function printRouterFields(p: Printer, at: number): void {
  const flags = p.u8(at + 5);
  const times = `reachable time ${p.u32(at + 8)}ms, retrans timer ${p.u32(at + 12)}ms`;
  const flagsText = `Flags [${bitNames(routerFlags, flags)}], pref ${preferenceText(flags)}`;
  p.print(`\n\thop limit ${p.u8(at + 4)}, ${flagsText}, router lifetime ${p.u16(at + 6)}s, ${times}`);
}
