/** Writes eBPF: instructions one after the other, with jumps to labels that may be placed later. */

export type Label = { at: number | undefined; readonly uses: number[] };

/** Why there can be no eBPF program for a filter, for the user. */
export class Untranslatable extends Error {}

/** Registers: 0 results, 1 to 5 arguments, 6 to 9 kept over calls, 10 the frame. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** Opcodes and their parts (linux/bpf_common.h, linux/bpf.h). */
export const bpf = {
  ...{ ld: 0x00, ldx: 0x01, st: 0x02, stx: 0x03, alu: 0x04, jmp: 0x05, ret: 0x06, misc: 0x07 },
  ...{ jmp32: 0x06, alu64: 0x07 },
  ...{ w: 0x00, h: 0x08, b: 0x10, dw: 0x18 },
  ...{ imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, len: 0x80, msh: 0xa0 },
  ...{ add: 0x00, sub: 0x10, mul: 0x20, div: 0x30, or: 0x40, and: 0x50, lsh: 0x60, rsh: 0x70 },
  ...{ neg: 0x80, mod: 0x90, xor: 0xa0, mov: 0xb0, end: 0xd0 },
  ...{ ja: 0x00, jeq: 0x10, jgt: 0x20, jge: 0x30, jset: 0x40, jne: 0x50, jlt: 0xa0, jle: 0xb0, jslt: 0xc0 },
  ...{ call: 0x80, exit: 0x90 },
  ...{ k: 0x00, x: 0x08 },
} as const;

const instructionBytes = 8;
const pseudoCall = 1;

export class Assembler {
  private readonly words: { code: number; registers: number; offset: number; value: number }[] = [];

  get length(): number {
    return this.words.length;
  }

  private emit(code: number, to: number, from: number, offset: number, value: number): void {
    this.words.push({ code, registers: (from << 4) | to, offset, value: value | 0 });
  }

  label(): Label {
    return { at: undefined, uses: [] };
  }

  place(label: Label): void {
    label.at = this.length;
  }

  /** TO op= VALUE on the low 32 bits, which clears the others. */
  alu32(op: number, to: Register, value: number): void {
    this.emit(bpf.alu | bpf.k | op, to, 0, 0, value);
  }

  alu32By(op: number, to: Register, from: Register): void {
    this.emit(bpf.alu | bpf.x | op, to, from, 0, 0);
  }

  alu64(op: number, to: Register, value: number): void {
    this.emit(bpf.alu64 | bpf.k | op, to, 0, 0, value);
  }

  alu64By(op: number, to: Register, from: Register): void {
    this.emit(bpf.alu64 | bpf.x | op, to, from, 0, 0);
  }

  /** The number in TO from network byte order; a byte stays as it is. */
  fromNetwork(to: Register, bytes: number): void {
    if (bytes > 1) this.emit(bpf.alu | bpf.end | bpf.x, to, 0, 0, bytes * 8);
  }

  load(size: number, to: Register, from: Register, offset: number): void {
    this.emit(bpf.ldx | bpf.mem | size, to, from, offset, 0);
  }

  store(size: number, to: Register, offset: number, from: Register): void {
    this.emit(bpf.stx | bpf.mem | size, to, from, offset, 0);
  }

  storeValue(size: number, to: Register, offset: number, value: number): void {
    this.emit(bpf.st | bpf.mem | size, to, 0, offset, value);
  }

  goto(label: Label): void {
    label.uses.push(this.length);
    this.emit(bpf.jmp | bpf.ja, 0, 0, 0, 0);
  }

  /** Jumps if LEFT op VALUE; `width` is bpf.jmp for 64 bits (VALUE is signed) or bpf.jmp32. */
  jump(width: number, op: number, left: Register, value: number, label: Label): void {
    label.uses.push(this.length);
    this.emit(width | bpf.k | op, left, 0, 0, value);
  }

  jumpBy(width: number, op: number, left: Register, right: Register, label: Label): void {
    label.uses.push(this.length);
    this.emit(width | bpf.x | op, left, right, 0, 0);
  }

  /** A call of the one function that the addon lets a filter call. */
  callAccessor(): void {
    this.emit(bpf.jmp | bpf.call, 0, pseudoCall, 0, -1);
  }

  exit(): void {
    this.emit(bpf.jmp | bpf.exit, 0, 0, 0, 0);
  }

  /** Resolves the label's jumps. Throws Untranslatable. */
  resolve(label: Label): void {
    for (const use of label.uses) {
      const offset = label.at! - use - 1;
      if (offset > 0x7fff || offset < -0x8000) throw new Untranslatable('it is too long for eBPF');
      this.words[use]!.offset = offset;
    }
  }

  /** struct bpf_insn after struct bpf_insn, as a little-endian machine has them. */
  bytes(): Uint8Array {
    const view = new DataView(new ArrayBuffer(this.length * instructionBytes));
    for (const [index, { code, registers, offset, value }] of this.words.entries()) {
      const at = index * instructionBytes;
      view.setUint8(at, code);
      view.setUint8(at + 1, registers);
      view.setInt16(at + 2, offset, true);
      view.setInt32(at + 4, value, true);
    }
    return new Uint8Array(view.buffer);
  }
}
