/** The Internet checksum (RFC 1071), for verbose summaries. */
import { u16 } from './bytes.js';

/** One's complement sum of `len` bytes, added to `initial`; not yet inverted. */
export function onesSum(bytes: Uint8Array, at: number, len: number, initial = 0): number {
  let sum = initial;
  const evenEnd = at + (len & ~1);
  for (let i = at; i < evenEnd; i += 2) sum += u16(bytes, i);
  if (len & 1) sum += bytes[evenEnd]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** The checksum of data that holds its checksum field: 0 where it is right. */
export function checksum(bytes: Uint8Array, at: number, len: number, initial = 0): number {
  return ~onesSum(bytes, at, len, initial) & 0xffff;
}

/** What the checksum field should hold, given what it holds and what `checksum` answered. */
export function rightChecksum(field: number, computed: number): number {
  const sum = field + computed;
  return (sum & 0xffff) + (sum >> 16);
}
