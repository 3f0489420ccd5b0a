/** eBPF instructions by hand (linux/bpf.h, struct bpf_insn), for what the filter compiler will write. */

/** Eight bytes. */
export type Instruction = Uint8Array;

interface Fields {
  readonly code: number;
  readonly to?: number;
  readonly from?: number;
  readonly offset?: number;
  readonly value?: number;
}

function instruction({ code, to = 0, from = 0, offset = 0, value = 0 }: Fields): Instruction {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint8(0, code);
  view.setUint8(1, (from << 4) | to);
  view.setInt16(2, offset, true);
  view.setInt32(4, value, true);
  return new Uint8Array(view.buffer);
}

/** rTO = VALUE (BPF_ALU64 | BPF_MOV | BPF_K). */
export const move = (to: number, value: number): Instruction => instruction({ code: 0xb7, to, value });

/** rTO = *(u64 *)(rFROM + OFFSET) (BPF_LDX | BPF_MEM | BPF_DW). */
export const loadDoubleWord = (to: number, from: number, offset: number): Instruction =>
  instruction({ code: 0x79, to, from, offset });

/** Skips OFFSET instructions if rTO == VALUE (BPF_JMP | BPF_JEQ | BPF_K). */
export const jumpIfEqual = (to: number, value: number, offset: number): Instruction =>
  instruction({ code: 0x15, to, value, offset });

/** Ends the function; r0 is its result. */
export const exit = (): Instruction => instruction({ code: 0x95 });

/** A function body as the addon takes it. */
export function body(instructions: readonly Instruction[]): Uint8Array {
  return Uint8Array.from(instructions.flatMap((one) => [...one]));
}
