/** Packet bytes in hex as tcpdump's -x and -X print them: sixteen a line, in pairs, offset in front. */

const bytesPerLine = 16;

function hexLine(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += 1) {
    if ((at - start) % 2 === 0 && at > start) text += ' ';
    text += bytes[at]!.toString(16).padStart(2, '0');
  }
  return text;
}

function asciiLine(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    text += byte >= 0x21 && byte <= 0x7e ? String.fromCharCode(byte) : '.';
  }
  return text;
}

/** Lines of hex, with ASCII beside it if asked; each ends with a newline. */
export function hexDump(bytes: Uint8Array, offset: number, length: number, ascii: boolean): string {
  let text = '';
  for (let done = 0; done < length; done += bytesPerLine) {
    const start = offset + done;
    const end = offset + Math.min(done + bytesPerLine, length);
    const hex = hexLine(bytes, start, end);
    const label = `\t0x${done.toString(16).padStart(4, '0')}:  `;
    text += ascii ? `${label}${hex.padEnd(39)}  ${asciiLine(bytes, start, end)}\n` : `${label}${hex}\n`;
  }
  return text;
}

const isText = (byte: number): boolean => (byte >= 0x20 && byte <= 0x7e) || byte === 0x09 || byte === 0x0a;

/** The packet as text, control characters as dots, line ends kept: tcpdump's -A. */
export function asciiDump(bytes: Uint8Array, offset: number, length: number): string {
  let text = '';
  for (let at = offset; at < offset + length; at += 1) {
    const byte = bytes[at]!;
    const isLineEnd = byte === 0x0d && at + 1 < offset + length && bytes[at + 1] === 0x0a;
    if (!isLineEnd) text += isText(byte) ? String.fromCharCode(byte) : '.';
  }
  return `${text}\n`;
}
