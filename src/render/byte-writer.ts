/** Text written straight into bytes: output costs no strings where numbers and packet bytes are concerned. */

const firstBytes = 1 << 18;
/** From here on a call of the runtime costs less than a loop over characters. */
const longText = 32;
const zero = 0x30;
const hexDigits = Uint8Array.from('0123456789abcdef', (c) => c.charCodeAt(0));
const quote = 0x22;
const backslash = 0x5c;

/** Decimal digits of a number below 2^53, most significant last. */
const digits = new Uint8Array(20);

export class ByteWriter {
  private buffer = Buffer.allocUnsafeSlow(firstBytes);
  /** Bytes written so far. */
  length = 0;

  /** What was written; valid until the next write. */
  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** Starts anew; `reuse` false leaves the bytes to whoever still reads them. */
  reset(reuse: boolean): void {
    this.length = 0;
    if (!reuse) this.buffer = Buffer.allocUnsafeSlow(firstBytes);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.buffer.length) return;
    const bigger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.length + more));
    bigger.set(this.bytes);
    this.buffer = bigger;
  }

  /** Any text, as UTF-8. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.buffer.write(text, this.length);
  }

  /** Text of ASCII characters only. */
  ascii(text: string): void {
    const { length } = text;
    this.reserve(length);
    const { buffer } = this;
    if (length > longText) {
      this.length += buffer.write(text, this.length, 'latin1');
      return;
    }
    let at = this.length;
    for (let i = 0; i < length; i += 1) buffer[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** A JSON string with its quotes. */
  json(text: string): void {
    const { length } = text;
    this.reserve(length + 2);
    const { buffer } = this;
    let at = this.length;
    buffer[at++] = quote;
    for (let i = 0; i < length; i += 1) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code > 0x7e || code === quote || code === backslash) {
        this.text(JSON.stringify(text));
        return;
      }
      buffer[at++] = code;
    }
    buffer[at++] = quote;
    this.length = at;
  }

  /** A whole number from 0 to 2^53 - 1. */
  decimal(value: number): void {
    this.reserve(digits.length);
    let count = 0;
    let rest = value;
    while (rest > 0xffff_ffff) {
      const next = Math.floor(rest / 10);
      digits[count++] = rest - next * 10;
      rest = next;
    }
    do {
      const next = (rest / 10) >>> 0;
      digits[count++] = rest - next * 10;
      rest = next;
    } while (rest > 0);
    while (count > 0) this.buffer[this.length++] = zero + digits[--count]!;
  }

  /** The last `width` decimal digits, zeros in front. */
  padded(value: number, width: number): void {
    this.reserve(width);
    let rest = value;
    for (let at = this.length + width - 1; at >= this.length; at -= 1) {
      const next = Math.floor(rest / 10);
      this.buffer[at] = zero + (rest - next * 10);
      rest = next;
    }
    this.length += width;
  }

  /** A u64 in two words, in decimal. */
  decimal64(high: number, low: number): void {
    if (high < 0x20_0000) this.decimal(high * 0x1_0000_0000 + low);
    else this.ascii(((BigInt(high) << 32n) | BigInt(low)).toString());
  }

  /** A u64 in two words as `0x…`, without leading zeros. */
  hex64(high: number, low: number): void {
    this.reserve(18);
    this.buffer[this.length++] = zero;
    this.buffer[this.length++] = 0x78;
    let started = false;
    for (let shift = 60; shift >= 0; shift -= 4) {
      const digit = (shift >= 32 ? high >>> (shift - 32) : low >>> shift) & 15;
      started ||= digit !== 0 || shift === 0;
      if (started) this.buffer[this.length++] = hexDigits[digit]!;
    }
  }

  /** Bytes as hex digits. */
  hex(source: Uint8Array, start: number, end: number): void {
    this.reserve((end - start) * 2);
    const { buffer } = this;
    let at = this.length;
    for (let i = start; i < end; i += 1) {
      const byte = source[i]!;
      buffer[at++] = hexDigits[byte >> 4]!;
      buffer[at++] = hexDigits[byte & 15]!;
    }
    this.length = at;
  }
}
