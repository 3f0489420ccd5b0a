/**
 * Addresses as text, through small direct-mapped caches: a slot holds the last address that hashed
 * to it, so memory is bounded and a hit costs no string building. Traffic has few distinct addresses.
 */
import { flat, hex, i32, u16 } from './bytes.js';

const SLOT_BITS = 10;
const SLOTS = 1 << SLOT_BITS;
const HASH_SHIFT = 32 - SLOT_BITS;
/** 2^32 divided by the golden ratio: multiplying spreads keys that differ in few bits. */
const GOLDEN = 0x9e3779b1;

const ipv4Keys = new Int32Array(SLOTS);
const ipv4Texts: string[] = new Array<string>(SLOTS).fill('');

/** Four bytes as a dotted quad. */
export function ipv4Text(bytes: Uint8Array, at: number): string {
  const key = i32(bytes, at);
  const slot = Math.imul(key, GOLDEN) >>> HASH_SHIFT;
  const cached = ipv4Texts[slot]!;
  if (ipv4Keys[slot] === key && cached !== '') return cached;
  const text = `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  ipv4Keys[slot] = key;
  ipv4Texts[slot] = text;
  return text;
}

const endpointKeys = new Int32Array(SLOTS * 3);
const endpointTexts: string[] = new Array<string>(SLOTS).fill('');

/** `10.0.0.1.1024 > 10.0.0.2.80: ` from where the addresses and where the ports are. */
export function ipv4EndpointsText(bytes: Uint8Array, addresses: number, ports: number): string {
  const source = i32(bytes, addresses);
  const destination = i32(bytes, addresses + 4);
  const both = i32(bytes, ports);
  const slot = Math.imul(source ^ Math.imul(destination, 5) ^ Math.imul(both, 17), GOLDEN) >>> HASH_SHIFT;
  const key = slot * 3;
  const cached = endpointTexts[slot]!;
  if (
    cached !== '' &&
    endpointKeys[key] === source &&
    endpointKeys[key + 1] === destination &&
    endpointKeys[key + 2] === both
  ) {
    return cached;
  }
  const from = `${ipv4Text(bytes, addresses)}.${u16(bytes, ports)}`;
  const text = flat(`${from} > ${ipv4Text(bytes, addresses + 4)}.${u16(bytes, ports + 2)}: `);
  endpointKeys[key] = source;
  endpointKeys[key + 1] = destination;
  endpointKeys[key + 2] = both;
  endpointTexts[slot] = text;
  return text;
}

const ipv6Keys = new Int32Array(SLOTS * 4);
const ipv6Texts: string[] = new Array<string>(SLOTS).fill('');

/** Sixteen bytes as RFC 5952 text, with the dotted quad of mapped and compatible addresses. */
export function ipv6Text(bytes: Uint8Array, at: number): string {
  const a = i32(bytes, at);
  const b = i32(bytes, at + 4);
  const c = i32(bytes, at + 8);
  const d = i32(bytes, at + 12);
  const slot = Math.imul(a ^ Math.imul(b, 5) ^ Math.imul(c, 17) ^ Math.imul(d, 31), GOLDEN) >>> HASH_SHIFT;
  const key = slot * 4;
  const cached = ipv6Texts[slot]!;
  if (
    cached !== '' &&
    ipv6Keys[key] === a &&
    ipv6Keys[key + 1] === b &&
    ipv6Keys[key + 2] === c &&
    ipv6Keys[key + 3] === d
  ) {
    return cached;
  }
  const text = flat(formatIpv6(bytes, at));
  ipv6Keys[key] = a;
  ipv6Keys[key + 1] = b;
  ipv6Keys[key + 2] = c;
  ipv6Keys[key + 3] = d;
  ipv6Texts[slot] = text;
  return text;
}

function formatIpv6(bytes: Uint8Array, at: number): string {
  let runStart = -1;
  let runLen = 1; // a single zero word is not shortened
  for (let word = 0; word < 8; ) {
    let end = word;
    while (end < 8 && u16(bytes, at + end * 2) === 0) end++;
    if (end - word > runLen) {
      runStart = word;
      runLen = end - word;
    }
    word = end + 1;
  }
  const mapped = runLen === 5 && u16(bytes, at + 10) === 0xffff;
  const embedsIpv4 = runStart === 0 && (runLen === 6 || mapped);
  const words = embedsIpv4 ? 6 : 8;
  let text = '';
  for (let word = 0; word < words; word++) {
    if (word === runStart) {
      text += '::';
      word += runLen - 1;
    } else {
      if (text !== '' && !text.endsWith(':')) text += ':';
      text += u16(bytes, at + word * 2).toString(16);
    }
  }
  if (!embedsIpv4) return text;
  return `${text}${text.endsWith(':') ? '' : ':'}${ipv4Text(bytes, at + 12)}`;
}

const macKeys = new Int32Array(SLOTS * 2);
const macTexts: string[] = new Array<string>(SLOTS).fill('');

/** Six bytes as colon-separated hexadecimal. */
export function macText(bytes: Uint8Array, at: number): string {
  const high = i32(bytes, at);
  const low = u16(bytes, at + 4);
  const slot = Math.imul(high ^ Math.imul(low, 31), GOLDEN) >>> HASH_SHIFT;
  const cached = macTexts[slot]!;
  if (cached !== '' && macKeys[slot * 2] === high && macKeys[slot * 2 + 1] === low) return cached;
  const text = flat(octetsText(bytes, at, 6));
  macKeys[slot * 2] = high;
  macKeys[slot * 2 + 1] = low;
  macTexts[slot] = text;
  return text;
}

/** `len` bytes as colon-separated hexadecimal. */
export function octetsText(bytes: Uint8Array, at: number, len: number): string {
  let text = '';
  for (let i = 0; i < len; i++) text += (i === 0 ? '' : ':') + hex(bytes[at + i]!, 2);
  return text;
}
