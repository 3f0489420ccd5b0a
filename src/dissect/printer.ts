/**
 * What the printers of one packet share: the bytes, where reading has to stop, the options, and the text so
 * far. Every read is checked against `end`; a read past it throws `truncated`, which `summarize` turns into
 * the mark "[|tcp]" with the name of the protocol that was being read. That is how tcpdump works too, and why
 * the text up to the cut is the same.
 */
import { ipv4Text, ipv6Text, macText } from './addresses.js';
import { hex, i32, u16 } from './bytes.js';
import type { SequenceTracker } from './sequences.js';

/** Thrown where the captured bytes end. One object for all: a stack for each would cost microseconds. */
export const truncated = new Error('captured bytes end here');

/** Headers nested deeper than this are not followed; without a limit a packet of IP in IP could exhaust the stack. */
const MAX_DEPTH = 32;

export class Printer {
  bytes: Uint8Array = new Uint8Array(0);
  /** First position that must not be read: the end of the capture, or of the innermost header that names a length. */
  end = 0;
  /** The protocol being read, for the truncation mark. */
  protocol = '';
  text = '';
  linkHeader = false;
  absoluteSequence = false;
  verbose = 0;
  quick = false;
  sequences: SequenceTracker | undefined = undefined;
  #depth = 0;

  /** Starts a packet. */
  begin(bytes: Uint8Array, end: number): void {
    this.bytes = bytes;
    this.end = end;
    this.protocol = '';
    this.text = '';
    this.#depth = 0;
  }

  /** `text` is evaluated before it is added, so that a cut inside leaves the text before it whole. */
  print(text: string): void {
    this.text += text;
  }

  /** Whether `count` bytes from `at` are there. */
  has(at: number, count: number): boolean {
    return at + count <= this.end;
  }

  need(at: number, count: number): void {
    if (at + count > this.end) throw truncated;
  }

  /** Bytes left from `at`. */
  left(at: number): number {
    return this.end - at;
  }

  u8(at: number): number {
    if (at >= this.end) throw truncated;
    return this.bytes[at]!;
  }

  u16(at: number): number {
    if (at + 2 > this.end) throw truncated;
    return u16(this.bytes, at);
  }

  u32(at: number): number {
    if (at + 4 > this.end) throw truncated;
    return i32(this.bytes, at) >>> 0;
  }

  ipv4(at: number): string {
    if (at + 4 > this.end) throw truncated;
    return ipv4Text(this.bytes, at);
  }

  ipv6(at: number): string {
    if (at + 16 > this.end) throw truncated;
    return ipv6Text(this.bytes, at);
  }

  mac(at: number): string {
    if (at + 6 > this.end) throw truncated;
    return macText(this.bytes, at);
  }

  /** `count` bytes as plain hexadecimal. */
  hexBytes(at: number, count: number): string {
    this.need(at, count);
    let text = '';
    for (let i = 0; i < count; i++) text += hex(this.bytes[at + i]!, 2);
    return text;
  }

  /** Moves `end` to the end of a payload of `count` bytes from `at`, unless the capture ends before it. */
  limit(at: number, count: number): void {
    if (at + count < this.end) this.end = at + count;
  }

  /** Marks the text as cut off inside the current protocol. */
  markTruncated(protocol: string = this.protocol): void {
    this.protocol = protocol;
    this.text += ` [|${protocol}]`;
  }

  markInvalid(): void {
    this.text += ' (invalid)';
  }

  /** Where tcpdump goes on with a hex dump: a summary is one line, so only the colon or blank before it goes. */
  endBeforeDump(): void {
    this.text = this.text.replace(/:? $/, '');
  }

  /** Runs a printer of a packet inside a packet; false where they are nested too deep. */
  enter(): boolean {
    if (this.#depth >= MAX_DEPTH) {
      this.text += '[nested too deep]';
      return false;
    }
    this.#depth++;
    return true;
  }

  leave(): void {
    this.#depth--;
  }
}
