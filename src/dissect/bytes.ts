/** Big-endian reads without bounds checks: callers have checked, and the hot path has no DataView. */

export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** As a signed 32-bit value: a cheap key; use `u32` for the number. */
export function i32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function u32(bytes: Uint8Array, at: number): number {
  return i32(bytes, at) >>> 0;
}

/** Lower-case hexadecimal, at least `digits` long. */
export function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/**
 * The same text in one piece of memory. Concatenations are ropes in V8, and a rope in a cache would be
 * walked again for every string that it becomes part of.
 */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/**
 * An unsigned 32-bit number in decimal. Numbers from 2^31 on are no small integers to V8, and turning one
 * into text takes 100 ns; all digits but the last, and then that one, take a third of it.
 */
export function u32Text(value: number): string {
  if (value < 0x80000000) return `${value | 0}`;
  const head = Math.floor(value / 10);
  return `${head | 0}${value - head * 10}`;
}
