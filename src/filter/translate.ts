/**
 * Classic BPF to eBPF: the body of filter_match() in bpf/filter.h, from the programs that libpcap compiled. Packet
 * bytes come from the view that the program prepares before, what lies behind its window by the one accessor that
 * a filter may call. A pure function.
 */
import { tapFilter, tapFilterView as view } from '../decode/layout.generated.js';
import {
  type ClassicInstruction,
  classicInstructions,
  classOf,
  extensionAt,
  isByX,
  isNegative,
  jumpsBack,
  knownLengths,
  modeOf,
  operationOf,
  reachOf,
  readsAtX,
  readsFirst,
  sizeOf,
  successorsOf,
  widthOf,
  writesX,
} from './classic.js';
import { Assembler, bpf, type Label, type Register } from './ebpf.js';

/** What programs of a session are given. */
export interface KernelFilter {
  /** eBPF instructions for filter_match(). */
  readonly body: Uint8Array;
  /** Constants of bpf/maps.h that say what it reads. */
  readonly constants: Readonly<Record<string, number>>;
}

export interface ClassicPrograms {
  /** For packets that start with an Ethernet header. */
  readonly ethernet: Uint8Array;
  /** For packets that start with an IP header; absent where the expression asks for a link header. */
  readonly raw?: Uint8Array;
}

/** TAP_FILTER_WINDOW of bpf/event.h. */
const windowMax = 256;
/** What a load at X finds in the window costs no call. Where X may be anything, headers end here, mostly. */
const windowForX = 128;
/** And where X is the length of an IP header, mostly this. */
const headerBytes = 20;
/**
 * How often a program may jump back, which "protochain" does once for each header, of 8 bytes and more: it looks no
 * further than the window.
 */
const roundsMax = windowMax / 8;
/** What programs load at a time (bpf/payload.h, copy_start). */
const wordBytes = 8;
/** enum filter_kind of bpf/filter.h. */
const kindRaw = 2;
const result: Register = 0;
const scratch: Register = 1;
const other: Register = 2;
/** Third argument of the accessor. */
const offset: Register = 3;
const viewRegister: Register = 6;
const a: Register = 7;
const x: Register = 8;
const packet: Register = 9;
const frame: Register = 10;

const inverse: Readonly<Record<number, number>> = {
  [bpf.jeq]: bpf.jne,
  [bpf.jgt]: bpf.jle,
  [bpf.jge]: bpf.jlt,
};

/** One classic program, written behind what the assembler holds. */
class Translator {
  private readonly labels: Label[];
  private readonly known: readonly (number | undefined)[];
  private readonly reject: Label;
  private readonly beyond: Label;
  private readonly failed: Label;
  private readonly undecided: Label;
  private readonly memory: ReadonlyMap<number, number>;
  private readonly loops: boolean;
  /** Bits of the extensions that it reads. */
  extensions = 0;

  constructor(
    private readonly out: Assembler,
    private readonly program: readonly ClassicInstruction[],
  ) {
    this.labels = program.map(() => out.label());
    this.known = knownLengths(program, windowMax);
    this.reject = out.label();
    this.beyond = out.label();
    this.failed = out.label();
    this.undecided = out.label();
    this.memory = memoryOf(program);
    this.loops = program.some(jumpsBack);
  }

  /** Where in the frame the jumps back are counted. */
  private get rounds(): number {
    return -8 * (this.memory.size + 1);
  }

  write(): void {
    const { out, program } = this;
    for (const at of this.memory.values()) out.storeValue(bpf.dw, frame, at, 0);
    if (this.loops) out.storeValue(bpf.dw, frame, this.rounds, 0);
    for (const [index, instruction] of program.entries()) {
      if (this.known[index] === undefined) continue;
      out.place(this.labels[index]!);
      this.instruction(instruction, index);
    }
    this.endings();
    for (const label of [...this.labels, this.reject, this.beyond, this.failed, this.undecided])
      out.resolve(label);
  }

  /** The ways a load ends the program; each only where one goes there. */
  private endings(): void {
    const { out } = this;
    if (this.beyond.uses.length > 0) {
      out.place(this.beyond);
      out.load(bpf.w, result, viewRegister, view.beyond);
      out.exit();
    }
    if (this.failed.uses.length > 0) {
      out.place(this.failed);
      out.alu64(bpf.xor, result, -1);
      out.exit();
    }
    if (this.undecided.uses.length > 0) {
      out.place(this.undecided);
      this.answer(tapFilter.undecided);
    }
    if (this.reject.uses.length > 0) {
      out.place(this.reject);
      this.answer(tapFilter.no);
    }
  }

  private answer(verdict: number): void {
    this.out.alu32(bpf.mov, result, verdict);
    this.out.exit();
  }

  private target(index: number): Label {
    return this.labels[index] ?? this.reject;
  }

  private instruction(instruction: ClassicInstruction, index: number): void {
    const { code } = instruction;
    switch (classOf(code)) {
      case bpf.ld:
        this.load(instruction, a, index);
        break;
      case bpf.ldx:
        this.load(instruction, x, index);
        break;
      case bpf.st:
        this.out.store(bpf.dw, frame, this.memory.get(instruction.k)!, a);
        break;
      case bpf.stx:
        this.out.store(bpf.dw, frame, this.memory.get(instruction.k)!, x);
        break;
      case bpf.alu:
        this.compute(instruction);
        break;
      case bpf.jmp:
        this.branch(instruction, index);
        return;
      case bpf.ret:
        this.end(instruction);
        return;
      default:
        if (operationOf(code) === 0) this.out.alu32By(bpf.mov, x, a);
        else this.out.alu32By(bpf.mov, a, x);
    }
    // No program that the kernel takes ends like this: libpcap ends each way with a return.
    if (index + 1 >= this.program.length) this.out.goto(this.reject);
  }

  private load(instruction: ClassicInstruction, to: Register, index: number): void {
    const { out } = this;
    const { code, k } = instruction;
    switch (modeOf(code)) {
      case bpf.imm:
        out.alu32(bpf.mov, to, k);
        break;
      case bpf.len:
        out.load(bpf.w, to, viewRegister, view.len);
        break;
      case bpf.mem:
        out.load(bpf.dw, to, frame, this.memory.get(k)!);
        break;
      case bpf.abs:
        if (isNegative(k)) this.loadExtension(k, to);
        else this.loadBytes(instruction, to, index);
        break;
      case bpf.ind:
        this.loadAtX(instruction, to);
        break;
      default:
        this.loadBytes(instruction, to, index);
        out.alu32(bpf.and, to, 0xf);
        out.alu32(bpf.lsh, to, 2);
    }
  }

  private loadExtension(k: number, to: Register): void {
    const at = extensionAt(k);
    if (at === 'nothing') this.out.goto(this.reject);
    else if (at === 'unknown') this.answer(tapFilter.undecided);
    if (typeof at !== 'number') return;
    this.extensions |= 1 << (at / 4);
    this.out.load(bpf.w, to, viewRegister, view.extension + at);
  }

  /** At a place that the program names. */
  private loadBytes({ code, k }: ClassicInstruction, to: Register, index: number): void {
    const { out } = this;
    const isNibble = modeOf(code) === bpf.msh;
    const width = isNibble ? 1 : widthOf(code);
    if (k + width > windowMax) {
      out.alu32(bpf.mov, offset, k);
      this.callAccessor(width, to);
      return;
    }
    this.require(k + width, index);
    out.load(isNibble ? bpf.b : sizeOf(code), to, viewRegister, view.bytes + k);
    out.fromNetwork(to, width);
  }

  /** Ends the program where the view has fewer bytes, unless an instruction before has asked for as many. */
  private require(bytes: number, index: number): void {
    if (this.known[index]! >= bytes) return;
    this.out.load(bpf.w, scratch, viewRegister, view.valid);
    this.out.jump(bpf.jmp, bpf.jlt, scratch, bytes, this.beyond);
  }

  /** At X + k, a 32-bit sum as in the kernel: "less than 0" lies behind every packet (docs/filters.md). */
  private loadAtX({ code, k }: ClassicInstruction, to: Register): void {
    const { out } = this;
    const width = widthOf(code);
    const outside = out.label();
    const done = out.label();
    out.alu32By(bpf.mov, offset, x);
    if (k > 0) out.alu32(bpf.add, offset, k);
    out.jump(bpf.jmp, bpf.jgt, offset, windowMax - width, outside);
    out.load(bpf.w, scratch, viewRegister, view.valid);
    out.alu64By(bpf.mov, other, offset);
    out.alu64(bpf.add, other, width);
    out.jumpBy(bpf.jmp, bpf.jgt, other, scratch, outside);
    out.alu64By(bpf.mov, scratch, viewRegister);
    out.alu64By(bpf.add, scratch, offset);
    out.load(sizeOf(code), to, scratch, view.bytes);
    out.fromNetwork(to, width);
    out.goto(done);
    out.place(outside);
    if (this.loops) this.endOutside(width);
    else this.callAccessor(width, to);
    out.place(done);
    out.resolve(outside);
    out.resolve(done);
  }

  /** The verifier would follow a call in every round of a loop. */
  private endOutside(width: number): void {
    const { out } = this;
    out.alu64(bpf.add, offset, width);
    out.load(bpf.w, scratch, viewRegister, view.len);
    out.jumpBy(bpf.jmp, bpf.jgt, offset, scratch, this.reject);
    out.goto(this.undecided);
  }

  private callAccessor(width: number, to: Register): void {
    const { out } = this;
    out.alu64By(bpf.mov, 1, packet);
    out.alu64By(bpf.mov, 2, viewRegister);
    out.alu32(bpf.mov, 4, width);
    out.callAccessor();
    out.jump(bpf.jmp, bpf.jslt, result, 0, this.failed);
    out.alu32By(bpf.mov, to, result);
  }

  private compute({ code, k }: ClassicInstruction): void {
    const { out } = this;
    const operation = operationOf(code);
    const divides = operation === bpf.div || operation === bpf.mod;
    if (operation === bpf.neg) {
      out.alu32(bpf.neg, a, 0);
    } else if (!isByX(code)) {
      if (divides && k === 0) out.goto(this.reject);
      else out.alu32(operation, a, k);
    } else {
      // Of a shift's distance the lowest five bits count, as for the kernel's own classic programs.
      if (divides) out.jump(bpf.jmp, bpf.jeq, x, 0, this.reject);
      out.alu32By(operation, a, x);
    }
  }

  private branch(instruction: ClassicInstruction, index: number): void {
    const [whenTrue, whenFalse] = successorsOf(instruction, index);
    if (whenFalse === undefined || whenTrue === whenFalse) {
      this.goTo(whenTrue!, index);
      return;
    }
    const operation = operationOf(instruction.code);
    const inverted = inverse[operation];
    if (whenTrue === index + 1 && inverted !== undefined) {
      this.test(instruction, inverted, this.target(whenFalse));
      return;
    }
    this.test(instruction, operation, this.target(whenTrue!));
    this.goTo(whenFalse, index);
  }

  private goTo(next: number, index: number): void {
    if (next <= index) this.countRound();
    if (next !== index + 1 || next >= this.program.length) this.out.goto(this.target(next));
  }

  /**
   * Before a jump back. A and X go through memory of a map: the verifier forgets how they came about, and so follows
   * each round once instead of once for each way through the rounds before.
   */
  private countRound(): void {
    const { out } = this;
    out.load(bpf.dw, scratch, frame, this.rounds);
    out.alu64(bpf.add, scratch, 1);
    out.jump(bpf.jmp, bpf.jgt, scratch, roundsMax, this.undecided);
    out.store(bpf.dw, frame, this.rounds, scratch);
    for (const register of [a, x] as const) {
      out.store(bpf.w, viewRegister, view.loaded, register);
      out.load(bpf.w, register, viewRegister, view.loaded);
    }
  }

  private test({ code, k }: ClassicInstruction, operation: number, label: Label): void {
    if (isByX(code)) this.out.jumpBy(bpf.jmp32, operation, a, x, label);
    else this.out.jump(bpf.jmp32, operation, a, k, label);
  }

  private end({ code, k }: ClassicInstruction): void {
    const { out } = this;
    const returnsA = (code & 0x18) === 0x10;
    if (!returnsA) {
      this.answer(k === 0 ? tapFilter.no : tapFilter.yes);
      return;
    }
    out.jump(bpf.jmp, bpf.jeq, a, 0, this.reject);
    this.answer(tapFilter.yes);
  }
}

/** A place in the frame for each word of scratch memory that is used. */
function memoryOf(program: readonly ClassicInstruction[]): Map<number, number> {
  const words = new Set<number>();
  for (const { code, k } of program) {
    const isStore = classOf(code) === bpf.st || classOf(code) === bpf.stx;
    const isLoad = classOf(code) <= bpf.ldx && modeOf(code) === bpf.mem;
    if (isStore || isLoad) words.add(k);
  }
  return new Map([...words].map((word, index) => [word, -8 * (index + 1)]));
}

const isHeaderLength = ({ code }: ClassicInstruction): boolean => modeOf(code) === bpf.msh;

/** How far loads at X mostly reach. */
function reachAtX(program: readonly ClassicInstruction[]): number {
  const loads = program.filter(readsAtX);
  const isOfHeader = program.filter(writesX).every(isHeaderLength);
  const reaches = loads.map(({ code, k }) => (isOfHeader ? k + widthOf(code) + headerBytes : windowForX));
  return Math.min(Math.max(0, ...reaches), windowForX);
}

function windowOf(programs: readonly (readonly ClassicInstruction[])[]): number {
  const instructions = programs.flat();
  if (instructions.some(jumpsBack)) return windowMax;
  const reaches = instructions.map(reachOf).filter((reach) => reach <= windowMax);
  return Math.ceil(Math.max(0, ...reaches, ...programs.map(reachAtX)) / 8) * 8;
}

/**
 * What every body begins with: the verifier refuses a program with a function that nothing can call, so there is
 * one call of the accessor also where no load needs it, for a kind of packet (0) that no filter is asked about.
 */
export function beginBody(out: Assembler): void {
  const asked = out.label();
  out.jump(bpf.jmp, bpf.jne, 3, 0, asked);
  out.alu32(bpf.mov, 4, 1);
  out.callAccessor();
  out.alu32(bpf.mov, result, tapFilter.undecided);
  out.exit();
  out.place(asked);
  out.resolve(asked);
}

/** What a body for one kind of packet is made of: the programs, and what jumps to the label of the one that is wanted. */
export type Choice = (out: Assembler, programs: readonly Label[], kind: keyof ClassicPrograms) => void;

const onlyOne: Choice = () => undefined;

type Programs = readonly (readonly ClassicInstruction[] | undefined)[];

/** The programs for one kind of packet; returns the bits of the extensions that they read. */
function writeAll(out: Assembler, programs: Programs, choose: Choice, kind: keyof ClassicPrograms): number {
  const labels = programs.map(() => out.label());
  let extensions = 0;
  choose(out, labels, kind);
  for (const [index, program] of programs.entries()) {
    out.place(labels[index]!);
    if (program) {
      const translator = new Translator(out, program);
      translator.write();
      extensions |= translator.extensions;
    } else {
      out.alu32(bpf.mov, result, tapFilter.undecided);
      out.exit();
    }
    out.resolve(labels[index]!);
  }
  return extensions;
}

/** Several filters in one body, of which `choose` takes one for each packet. Throws Untranslatable (ebpf.ts). */
export function translateAll(filters: readonly ClassicPrograms[], choose: Choice): KernelFilter {
  const out = new Assembler();
  const ethernet = filters.map((filter) => classicInstructions(filter.ethernet));
  const raw = filters.map((filter) => filter.raw && classicInstructions(filter.raw));
  const rawAt = out.label();
  beginBody(out);
  out.alu64By(bpf.mov, packet, 1);
  out.alu64By(bpf.mov, viewRegister, 2);
  out.alu32(bpf.mov, a, 0);
  out.alu32(bpf.mov, x, 0);
  out.jump(bpf.jmp, bpf.jeq, 3, kindRaw, rawAt);
  let extensions = writeAll(out, ethernet, choose, 'ethernet');
  out.place(rawAt);
  extensions |= writeAll(out, raw, choose, 'raw');
  out.resolve(rawAt);
  const constants = {
    has_filter: 1,
    filter_window: windowOf([...ethernet, ...raw].filter((program) => program !== undefined)),
    filter_skips_addresses: Number(!ethernet.flat().some((one) => readsFirst(wordBytes, one))),
    filter_extensions: extensions,
  };
  return { body: out.bytes(), constants };
}

/** Throws Untranslatable (ebpf.ts). */
export function translate(programs: ClassicPrograms): KernelFilter {
  return translateAll([programs], onlyOne);
}
