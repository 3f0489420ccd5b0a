/** Classic BPF as libpcap compiles it: instructions, and what is known of a program before it runs. */
import { bpf, Untranslatable } from './ebpf.js';

/** One struct bpf_insn of pcap/bpf.h. */
export interface ClassicInstruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  /** Unsigned. */
  readonly k: number;
}

const instructionBytes = 8;

export function classicInstructions(bytes: Uint8Array): ClassicInstruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / instructionBytes }, (_, index) => {
    const at = index * instructionBytes;
    return {
      code: view.getUint16(at, true),
      jumpTrue: view.getUint8(at + 2),
      jumpFalse: view.getUint8(at + 3),
      k: view.getUint32(at + 4, true),
    };
  });
}

export const classOf = (code: number): number => code & 0x07;
export const sizeOf = (code: number): number => code & 0x18;
export const modeOf = (code: number): number => code & 0xe0;
export const operationOf = (code: number): number => code & 0xf0;
export const isByX = (code: number): boolean => (code & bpf.x) !== 0;

/** How many bytes a load takes. */
export function widthOf(code: number): 1 | 2 | 4 {
  const size = sizeOf(code);
  return size === bpf.b ? 1 : size === bpf.h ? 2 : 4;
}

/** Offsets from here on name what the kernel knows beside the bytes (SKF_AD_OFF and its like in linux/filter.h). */
export const isNegative = (k: number): boolean => k >= 0x8000_0000;

/** SKF_AD_OFF as an unsigned number, and how far its offsets go (linux/filter.h, SKF_AD_MAX). */
const extensionsFrom = 0xffff_f000;
const extensionsEnd = extensionsFrom + 64;
/** Offsets of those that bpf/filter.h fills in. */
const extensionsKnown: ReadonlySet<number> = new Set([0, 4, 8, 20, 24, 28, 32, 36, 44, 48, 60]);
/** SKF_LL_OFF and SKF_NET_OFF as unsigned numbers: from there on into the link and the network header. */
const headersFrom: readonly number[] = [0xffe0_0000, 0xfff0_0000];
/** No packet is longer (linux/netdevice.h, GSO_MAX_SIZE: 8 * 65535). */
const packetBytesMax = 0x8_0000;

/**
 * What lies at a negative offset: an extension's own offset; 'unknown', where it cannot be told; 'nothing', where the
 * kernel ends the program. In the last two cases the program ends with the load.
 */
export function extensionAt(k: number): number | 'unknown' | 'nothing' {
  const at = k - extensionsFrom;
  if (at >= 0) return k < extensionsEnd && extensionsKnown.has(at) ? at : 'unknown';
  return headersFrom.some((from) => k >= from && k - from < packetBytesMax) ? 'unknown' : 'nothing';
}

const isLoad = (code: number): boolean => classOf(code) === bpf.ld || classOf(code) === bpf.ldx;

/** How far into the packet an instruction reads, whatever X is; 0 where that is not said. */
export function reachOf({ code, k }: ClassicInstruction): number {
  if (!isLoad(code)) return 0;
  if (modeOf(code) === bpf.msh) return k + 1;
  return modeOf(code) === bpf.abs && !isNegative(k) ? k + widthOf(code) : 0;
}

export const readsAtX = ({ code }: ClassicInstruction): boolean =>
  classOf(code) === bpf.ld && modeOf(code) === bpf.ind;

/** Whether it may read one of the packet's first bytes. A sum with X may come round to 0. */
export function readsFirst(bytes: number, instruction: ClassicInstruction): boolean {
  const { k } = instruction;
  if (readsAtX(instruction)) return k < bytes || isNegative(k);
  return reachOf(instruction) > 0 && k < bytes;
}

export const jumpsBack = ({ code, k }: ClassicInstruction): boolean =>
  classOf(code) === bpf.jmp && operationOf(code) === bpf.ja && isNegative(k);

export const writesX = ({ code }: ClassicInstruction): boolean =>
  classOf(code) === bpf.ldx || (classOf(code) === bpf.misc && operationOf(code) === 0);

/**
 * Where it may go on: the indices of the next instructions. Only "protochain" jumps back, which is why the kernel takes
 * it from nobody as classic BPF (net/core/filter.c, bpf_check_classic).
 */
export function successorsOf({ code, jumpTrue, jumpFalse, k }: ClassicInstruction, index: number): number[] {
  if (classOf(code) === bpf.ret) return [];
  if (classOf(code) === bpf.ld && modeOf(code) === bpf.abs && isNegative(k))
    return typeof extensionAt(k) === 'number' ? [index + 1] : [];
  if (classOf(code) !== bpf.jmp) return [index + 1];
  if (operationOf(code) === bpf.ja) return [index + 1 + (k | 0)];
  return [index + 1 + jumpTrue, index + 1 + jumpFalse];
}

/**
 * For each instruction, how many bytes of the packet are known to be there whichever way it was reached; undefined
 * where it never is. One pass tells: a jump back comes from where no fewer bytes are known. Throws Untranslatable.
 */
export function knownLengths(program: readonly ClassicInstruction[], limit: number): (number | undefined)[] {
  const known = new Array<number | undefined>(program.length).fill(undefined);
  known[0] = 0;
  for (const [index, instruction] of program.entries()) {
    const here = known[index];
    if (here === undefined) continue;
    const reach = reachOf(instruction);
    const after = reach <= limit ? Math.max(here, reach) : here;
    for (const next of successorsOf(instruction, index)) {
      if (next >= program.length) continue;
      if (next <= index && known[next] === undefined) throw new Untranslatable('it jumps back into a loop');
      if (next > index) known[next] = Math.min(known[next] ?? after, after);
    }
  }
  return known;
}
