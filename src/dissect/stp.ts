/** Spanning tree BPDUs: the bridge and the flags of 802.1D and 802.1w; of later versions the type. */
import { hex } from './bytes.js';
import { bitNames } from './names.js';
import type { Printer } from './printer.js';

const RAPID = 2;
const versionNames = new Map<number, string>([
  [0, '802.1d'],
  [RAPID, '802.1w'],
  [3, '802.1s'],
  [4, '802.1aq'],
]);

const CONFIG = 0x00;
const RAPID_CONFIG = 0x02;
const typeNames = new Map<number, string>([
  [CONFIG, 'Config'],
  [RAPID_CONFIG, 'Rapid STP'],
  [0x80, 'Topology Change'],
]);

const flagNames = [
  [0x01, 'Topology change'],
  [0x02, 'Proposal'],
  [0x10, 'Learn'],
  [0x20, 'Forward'],
  [0x40, 'Agreement'],
  [0x80, 'Topology change ACK'],
] as const;

const portRoles = ['Unknown', 'Alternate', 'Root', 'Designated'];

const CONFIG_LEN = 35;
const RAPID_LEN = 36;

export function printStp(p: Printer, at: number, length: number): void {
  p.protocol = 'stp';
  if (length < 4) {
    p.markInvalid();
    return;
  }
  if (p.u16(at) !== 0) {
    p.print(`unknown STP version, length ${length}`);
    return;
  }
  const version = p.u8(at + 2);
  const versionName = versionNames.get(version);
  p.print(`STP ${versionName ?? `Unknown STP protocol (0x${hex(version, 2)})`}`);
  if (versionName === undefined) return;
  const type = p.u8(at + 3);
  p.print(`, ${typeNames.get(type) ?? `Unknown BPDU Type (0x${hex(type, 2)})`}`);
  if (type === CONFIG || (type === RAPID_CONFIG && version === RAPID)) {
    if (length < (type === CONFIG ? CONFIG_LEN : RAPID_LEN)) p.markInvalid();
    else printConfig(p, at, length, version);
  } else if (type === RAPID_CONFIG && version > RAPID) p.print(`, length ${length}`);
}

function bridgeId(p: Printer, at: number): string {
  return `${hex(p.u16(at), 4)}.${p.mac(at + 2)}`;
}

function seconds(p: Printer, at: number): string {
  return `${(p.u16(at) / 256).toFixed(2)}s`;
}

function printConfig(p: Printer, at: number, length: number, version: number): void {
  const flags = p.u8(at + 4);
  p.print(`, Flags [${bitNames(flagNames, flags)}]`);
  p.print(`, bridge-id ${bridgeId(p, at + 17)}.${hex(p.u16(at + 25), 4)}, length ${length}`);
  if (p.verbose === 0) return;
  const ages = `message-age ${seconds(p, at + 27)}, max-age ${seconds(p, at + 29)}`;
  p.print(`\n\t${ages}, hello-time ${seconds(p, at + 31)}, forwarding-delay ${seconds(p, at + 33)}`);
  p.print(`\n\troot-id ${bridgeId(p, at + 5)}, root-pathcost ${p.u32(at + 13)}`);
  if (version === RAPID) p.print(`, port-role ${portRoles[(flags >> 2) & 3]}`);
}
