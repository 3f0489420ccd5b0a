/** Names of drop reasons, as a user writes them, to the numbers that this kernel gives them. */
import { editDistance } from '../edit-distance.js';
import { MissingError, UsageError } from '../errors.js';
import { printable } from '../render/printable.js';

const nearMax = 5;

/** `skb_drop_reason_no_socket` is `NO_SOCKET`; a subsystem's may be written with its own in front. */
const normalised = (name: string): string =>
  name
    .toUpperCase()
    .replace(/^SKB_(DROP_REASON_)?/, '')
    .replace(/[\s:]+/g, ' ');

/** Names that contain the word first, then those that are spelled most like it. */
export function nearNames(word: string, names: readonly string[]): string[] {
  const ranked = names.map((name) => ({ name, rank: name.includes(word) ? 0 : editDistance(word, name) }));
  return ranked
    .filter(({ rank }) => rank <= Math.max(3, word.length / 2))
    .sort((a, b) => a.rank - b.rank || a.name.length - b.name.length)
    .slice(0, nearMax)
    .map(({ name }) => name);
}

/**
 * `known`: every reason of this kernel by name, none where it has no reasons. Throws UsageError for a name that is none
 * of them, with those that are near it, and MissingError where there are none.
 */
export function reasonNumbers(asked: readonly string[], known: ReadonlyMap<string, number>): number[] {
  if (asked.length === 0) return [];
  if (known.size === 0)
    throw new MissingError('--reason: this kernel does not tell why it drops packets', 'it needs Linux 5.17');
  return asked.map((word) => {
    const number = known.get(normalised(word));
    if (number !== undefined) return number;
    const near = nearNames(normalised(word), [...known.keys()]);
    throw new UsageError(
      `--reason ${printable(word)}: this kernel has no such drop reason`,
      near.length > 0 ? `did you mean ${near.join(', ')}?` : 'names are those that drop events show',
    );
  });
}
