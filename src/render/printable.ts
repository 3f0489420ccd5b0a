/** Names from elsewhere (comm, interface and file names, packet text) may not drive the reader's terminal. */

const unprintable = /[\u0000-\u001f\u007f-\u009f]/g;

/** The text with control characters, C1 included, as `\xNN`. */
export function printable(text: string): string {
  return text.replace(unprintable, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
