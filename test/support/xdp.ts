/** Small XDP and tc programs, for devices of test namespaces. */
import { run } from './process.js';
import { type End, toolPath } from './world.js';

/** UDP datagrams to this port are dropped by the program `drop`, and sent back by `tx`. */
export const XDP_DROPPED_PORT = 7;

export type XdpProgram = 'pass' | 'drop' | 'tx';
export type XdpMode = 'xdpgeneric' | 'xdpdrv';

/** `plain`: without BTF. */
const objectOf = (isPlain: boolean): string => toolPath(isPlain ? 'xdp-plain.bpf.o' : 'xdp.bpf.o');

/** Hangs a program into the XDP hook of an end's device. */
export async function attachXdp(
  end: End,
  program: XdpProgram,
  mode: XdpMode,
  { isPlain = false } = {},
): Promise<void> {
  await run([
    ...['ip', '-n', end.netns.name, '-force', 'link', 'set', 'dev', end.device],
    ...[mode, 'obj', objectOf(isPlain), 'sec', `xdp_${program}`],
  ]);
}

/** Hangs one into the generic XDP hook. */
export function attachGenericXdp(end: End, program: XdpProgram): Promise<void> {
  return attachXdp(end, program, 'xdpgeneric');
}

/** Has tc drop every IPv4 packet that comes in, or goes out, by a clsact filter. */
export async function dropByTc(end: End, direction: 'ingress' | 'egress'): Promise<void> {
  await end.run(['tc', 'qdisc', 'add', 'dev', end.device, 'clsact']);
  await end.run([
    ...['tc', 'filter', 'add', 'dev', end.device, direction, 'protocol', 'ip'],
    ...['bpf', 'da', 'obj', objectOf(false), 'sec', 'tc_drop'],
  ]);
}

/** Takes the program off again. */
export async function detachGenericXdp(end: End): Promise<void> {
  await run(['ip', '-n', end.netns.name, 'link', 'set', 'dev', end.device, 'xdpgeneric', 'off']);
}
