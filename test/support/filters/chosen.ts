/**
 * Many filters in one program, each for its share of the packets: which one is asked, a packet's DSCP says. Loading a
 * program at every stage takes seconds, so twenty filters at every stage would take a minute.
 */
import { tapFilterView as view } from '../../../src/decode/layout.generated.js';
import { bpf } from '../../../src/filter/ebpf.js';
import { PacketFilter } from '../../../src/filter/filter.js';
import { type Choice, type KernelFilter, translateAll } from '../../../src/filter/translate.js';
import type { End } from '../world.js';

const ETHER_HEADER_BYTES = 14;
/** Version and traffic class: the first two bytes of both IP headers. */
const version = { ipv4: 4, ipv6: 6 } as const;

const scratch = 1;
const viewRegister = 6;

/** The first filter is asked of packets that are not IP, and of those without a DSCP of ours. */
const chooseByDscp: Choice = (out, programs, kind) => {
  const at = view.bytes + (kind === 'raw' ? 0 : ETHER_HEADER_BYTES);
  const isV6 = out.label();
  const known = out.label();
  out.load(bpf.b, scratch, viewRegister, at);
  out.alu32(bpf.rsh, scratch, 4);
  out.jump(bpf.jmp, bpf.jeq, scratch, version.ipv6, isV6);
  out.jump(bpf.jmp, bpf.jne, scratch, version.ipv4, programs[0]!);
  out.load(bpf.b, scratch, viewRegister, at + 1);
  out.alu32(bpf.rsh, scratch, 2);
  out.goto(known);
  out.place(isV6);
  out.load(bpf.h, scratch, viewRegister, at);
  out.fromNetwork(scratch, 2);
  out.alu32(bpf.rsh, scratch, 6);
  out.alu32(bpf.and, scratch, 0x3f);
  out.place(known);
  for (const [dscp, program] of programs.entries()) out.jump(bpf.jmp, bpf.jeq, scratch, dscp, program);
  out.goto(programs[0]!);
  out.resolve(isV6);
  out.resolve(known);
};

/** At most 64. */
export function filterByDscp(expressions: readonly string[]): KernelFilter {
  const filters = expressions.map((expression) => new PacketFilter(expression).programs!);
  return translateAll(filters, chooseByDscp);
}

/** The index of the expression that is asked of the packet. */
export function chosenFor(bytes: Uint8Array, isRaw: boolean, count: number): number {
  const at = isRaw ? 0 : ETHER_HEADER_BYTES;
  const [first = 0, second = 0] = bytes.subarray(at);
  let dscp = 0;
  if (first >> 4 === version.ipv4) dscp = second >> 2;
  else if (first >> 4 === version.ipv6) dscp = (((first << 8) | second) >> 6) & 0x3f;
  return dscp < count ? dscp : 0;
}

/** Gives what this end sends one DSCP after the other, behind the beginning of its output hook. */
export async function numberPackets(end: End, count: number): Promise<void> {
  const rules = Array.from({ length: count }, (_, at) =>
    ['ip', 'ip6'].map((family) => `meta mark ${at} ${family} dscp set ${at}`),
  );
  const hook = 'type filter hook output priority mangle; policy accept';
  const lines = [hook, `meta mark set numgen inc mod ${count}`, ...rules.flat()];
  await end.run(['nft', '-f', '-'], {
    input: `table inet number {\nchain out {\n${lines.join('\n')}\n}\n}\n`,
  });
}
