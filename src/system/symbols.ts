/** Kernel text symbols from /proc/kallsyms: single names, and addresses for stacks. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { NativeBinding } from '../native/binding.js';

const kallsyms = '/proc/kallsyms';
const newline = 0x0a;
const space = 0x20;

/**
 * Text symbols called `name` or `name.suffix`, for each name. Scans the file's bytes without splitting
 * it: it holds more than a hundred thousand lines.
 */
export function findSymbols(text: Buffer, names: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(names.map((name) => [name, symbolsNamed(text, name)]));
}

function symbolsNamed(text: Buffer, name: string): string[] {
  const found: string[] = [];
  const wanted = Buffer.from(` ${name}`);
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const kind = String.fromCharCode(text[at - 1]!).toLowerCase();
    if (kind !== 't') continue;
    let end = at + 1;
    while (end < text.length && text[end] !== newline && text[end] !== space && text[end] !== 0x09) end += 1;
    const symbol = text.toString('latin1', at + 1, end);
    if (symbol === name || symbol.startsWith(`${name}.`)) found.push(symbol);
  }
  return found;
}

/** The module that has the text symbol `name`; undefined for the kernel's own, and where there is none. */
export function moduleOf(text: Buffer, name: string): string | undefined {
  const at = text.indexOf(` ${name}\t[`);
  if (at < 0) return undefined;
  const start = at + name.length + 3;
  return text.toString('latin1', start, text.indexOf(']', start));
}

/** Address of a symbol of any kind; 0n where there is none, or where the kernel hides addresses. */
export function symbolAddress(text: Buffer, name: string): bigint {
  const at = text.indexOf(` ${name}\n`);
  if (at < 18) return 0n;
  const address = text.toString('latin1', at - 18, at - 2);
  return /^[0-9a-f]{16}$/.test(address) ? BigInt(`0x${address}`) : 0n;
}

/** The whole of kallsyms; empty where it cannot be read. */
export function readKallsyms(native: NativeBinding): Buffer {
  try {
    return Buffer.from(native.readFile(null, kallsyms).buffer);
  } catch {
    return Buffer.alloc(0);
  }
}

/** The same, read while other things go on. */
export async function readKallsymsAsync(native: NativeBinding): Promise<Buffer> {
  try {
    return Buffer.from((await native.readFileAsync(kallsyms)).buffer);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Addresses to names: the symbol that starts at or before an address. */
export class SymbolTable {
  private constructor(
    private readonly addresses: BigUint64Array,
    private readonly names: readonly string[],
  ) {}

  /** Lines read like `ffffffff81000000 T name\t[module]`. Only text symbols matter. */
  static parse(text: string): SymbolTable {
    const entries: { address: bigint; name: string }[] = [];
    for (const line of text.split('\n')) {
      const kind = line[17];
      if (kind !== 't' && kind !== 'T' && kind !== 'w' && kind !== 'W') continue;
      entries.push({ address: BigInt(`0x${line.slice(0, 16)}`), name: line.slice(19).replace('\t', ' ') });
    }
    entries.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    return new SymbolTable(
      BigUint64Array.from(entries, ({ address }) => address),
      entries.map(({ name }) => name),
    );
  }

  /** `name+0xoffset`, or the address in hex where no symbol lies before it (or all addresses are hidden). */
  describe(address: bigint): string {
    const index = this.indexOf(address);
    const start = this.addresses[index];
    if (index < 0 || start === undefined || start === 0n) return `0x${address.toString(16)}`;
    return `${this.names[index]}+0x${(address - start).toString(16)}`;
  }

  private indexOf(address: bigint): number {
    let low = 0;
    let high = this.addresses.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.addresses[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

const peekBytes = 1 << 16;

/**
 * Names for addresses, read when the first one is asked for. The file is open from the start: the kernel shows
 * addresses to whoever opened it with the rights to see them (kernel/kallsyms.c, kallsyms_open, since 5.8).
 */
export class KernelSymbols {
  private fd: number | undefined;
  private table: SymbolTable | undefined;

  constructor(path = kallsyms) {
    try {
      this.fd = openSync(path, 'r');
    } catch {
      // Without /proc, or closed to this user: addresses stay numbers.
    }
  }

  /** Whether no address can be named: the kernel shows them as zeroes, or the file cannot be read. */
  get areHidden(): boolean {
    if (this.fd === undefined) return true;
    const start = Buffer.alloc(peekBytes);
    const bytes = readSync(this.fd, start, 0, peekBytes, 0);
    return !/^(?!0{16})[0-9a-f]{16} /m.test(start.toString('latin1', 0, bytes));
  }

  describe(address: bigint): string {
    this.table ??= this.read();
    return this.table.describe(address);
  }

  private read(): SymbolTable {
    if (this.fd === undefined) return SymbolTable.parse('');
    const text = readFileSync(this.fd, 'latin1');
    this.close();
    return SymbolTable.parse(text);
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }
}
