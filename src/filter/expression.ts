/** Filter expressions: in files, and what they ask of a capture. */

/** Bytes of each packet that are kept at least where user space decides: a filter may name some behind a short snaplen. */
export const userFilterBytes = 512;

/** Whether it may say yes of a packet on one device, and no of the same bytes on another. */
export const asksDevice = (expression: string): boolean => /inbound|outbound|ifindex/.test(expression);

/** The expression in a file's text: as for tcpdump, `#` begins a comment that ends with its line. */
export function expressionIn(text: string): string {
  return text.replace(/#.*/g, ' ').trim();
}
