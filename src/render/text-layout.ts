/** Laying out plain text in columns. Widths count characters, so colour comes after. */

/** Words of the text in lines of at most `width` characters; a longer word gets a line of its own. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line === '') line = word;
    else if (line.length + 1 + word.length <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}

/** At most `count` of the lines; an ellipsis says that there was more. */
export function clipLines(lines: readonly string[], count: number, width: number): string[] {
  if (lines.length <= count) return [...lines];
  const kept = lines.slice(0, count);
  kept[count - 1] = `${(kept[count - 1] ?? '').slice(0, width - 1).trimEnd()}…`;
  return kept;
}

/** As many items as fit on one line, and an ellipsis for the others; the first is always there. */
export function fitList(items: readonly string[], width: number): string {
  let text = items[0] ?? '';
  for (const [index, item] of items.entries()) {
    if (index === 0) continue;
    const more = index < items.length - 1 ? ', …'.length : 0;
    if (text.length + 2 + item.length + more > width) return `${text}, …`;
    text += `, ${item}`;
  }
  return text;
}
