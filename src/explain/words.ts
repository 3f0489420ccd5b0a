/** Small words that explanations share. */

const msFromNs = 10_000_000;
const sFromNs = 10_000_000_000;

/** A time since the first event, precise enough to tell neighbours apart. */
export function sinceText(ns: number): string {
  if (ns < msFromNs) return `+${(ns / 1e3).toFixed(1)} µs`;
  if (ns < sFromNs) return `+${(ns / 1e6).toFixed(1)} ms`;
  return `+${(ns / 1e9).toFixed(1)} s`;
}

/** `a, b and c`. */
export function listText(items: readonly string[]): string {
  if (items.length < 2) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** Numbers in order, neighbours together: `18-20, 24`. */
export function rangesText(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (const number of sorted) {
    const range = ranges.at(-1);
    if (range && number <= range[1] + 1) range[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}
