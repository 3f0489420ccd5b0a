/** Bytes from any source, taken piece by piece; memory for the longest piece that was asked for. */

export class ByteStream {
  private buffer = Buffer.alloc(1 << 16);
  private start = 0;
  private end = 0;
  private isAtEnd = false;
  private readonly input: AsyncIterator<Uint8Array>;
  /** Of the next byte in the file. */
  offset = 0;
  /** Called before more is waited for. */
  onWait: () => void = () => undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.input = source[Symbol.asyncIterator]();
  }

  /** Bytes that are here already. */
  get held(): number {
    return this.end - this.start;
  }

  /** So many of the next bytes, or all that are left; they are not used up, and valid until more is asked for. */
  async peek(bytes: number): Promise<Buffer> {
    if (this.held < bytes) await this.fill(bytes);
    return this.buffer.subarray(this.start, Math.min(this.end, this.start + bytes));
  }

  /** Goes past bytes that were peeked at. */
  advance(bytes: number): void {
    this.start += bytes;
    this.offset += bytes;
  }

  /** Goes past any number of bytes without holding them; false where there are fewer. */
  async skip(bytes: number): Promise<boolean> {
    let left = bytes;
    while (left > 0) {
      const { length } = await this.peek(Math.min(left, 1 << 16));
      if (length === 0) return false;
      this.advance(length);
      left -= length;
    }
    return true;
  }

  /** All that is left, as it comes. */
  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let bytes = await this.peek(1); bytes.length > 0; bytes = await this.peek(1)) {
      const all = Buffer.from(this.buffer.subarray(this.start, this.end));
      this.advance(all.length);
      yield all;
    }
  }

  /** Reads until so many bytes are there, or the end. */
  private async fill(bytes: number): Promise<void> {
    while (this.held < bytes && !this.isAtEnd) {
      this.onWait();
      const { done, value } = await this.input.next();
      if (done) this.isAtEnd = true;
      else this.append(value);
    }
  }

  private append(more: Uint8Array): void {
    const { held } = this;
    if (this.end + more.length > this.buffer.length) {
      const needed = held + more.length;
      const target = needed > this.buffer.length ? Buffer.alloc(needed * 2) : this.buffer;
      this.buffer.copy(target, 0, this.start, this.end);
      this.buffer = target;
      this.start = 0;
      this.end = held;
    }
    this.buffer.set(more, this.end);
    this.end += more.length;
  }
}
