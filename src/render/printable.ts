/** Names from elsewhere (comm, interface and file names, packet text) may not drive the reader's terminal. */

const unprintable = /[\u0000-\u001f\u007f-\u009f]/g;
const unprintableInLines = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

const asHex = (c: string): string => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;

/** The text with control characters, C1 included, as `\xNN`. */
export function printable(text: string): string {
  return text.replace(unprintable, asHex);
}

/** The same for text of ours that has lines and tabs in it. */
export function printableLines(text: string): string {
  return text.replace(unprintableInLines, asHex);
}
