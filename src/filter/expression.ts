/** Filter expressions in files. */

/** The expression in a file's text: as for tcpdump, `#` begins a comment that ends with its line. */
export function expressionIn(text: string): string {
  return text.replace(/#.*/g, ' ').trim();
}
