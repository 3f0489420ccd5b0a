/**
 * What Wireshark is answered: sentences of a word and fields in braces, one a line (Wireshark's doc/extcap.4). Names
 * from elsewhere may hold what would end a field or a line.
 */

export type Fields = Readonly<Record<string, string | number | boolean>>;

/** `word {name=value}…`, with a line end. */
export function sentence(word: string, fields: Fields): string {
  const texts = Object.entries(fields).map(([name, value]) => `{${name}=${unbraced(String(value))}}`);
  return `${word} ${texts.join('')}\n`;
}

function unbraced(text: string): string {
  return text.replaceAll(/[{}\u0000-\u001f\u007f]/g, '_');
}
