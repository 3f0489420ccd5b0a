/** Where in an expression the mistake is: libpcap says only that there is one. */

/** What may come next, so that an expression that stops in the middle is whole. */
const continuations = [
  '',
  '1',
  '0.0.0.1',
  'ip',
  'port 1',
  'host 0.0.0.1',
  '0:0:0:0:0:1',
  'broadcast',
  '1 = 1',
  '= 1',
];
/** Of a long expression with a mistake, no more is told than libpcap does. */
const searchMs = 200;

const words = /[\w.:\\/-]+|&&|\|\||<<|>>|[<>=!]=?|\S/g;

/** Where it stops making sense: a word and the number of its first character, or its end; undefined: not found. */
export type Mistake = { readonly word: string; readonly character: number } | 'end' | undefined;

/** Looks for the longest beginning that could be gone on with. `compiles` is asked about other expressions. */
export function findMistake(expression: string, compiles: (expression: string) => boolean): Mistake {
  const giveUpMs = performance.now() + searchMs;
  const found = [...expression.matchAll(words)];
  for (let count = found.length; count >= 0; count -= 1) {
    const start = count === found.length ? expression.length : found[count]!.index;
    for (const whole of completed(expression.slice(0, start))) {
      if (performance.now() > giveUpMs) return undefined;
      if (!compiles(whole)) continue;
      return count === found.length ? 'end' : { word: found[count]![0], character: start + 1 };
    }
  }
  return undefined;
}

function completed(beginning: string): string[] {
  const closing = closingOf(beginning);
  return continuations.flatMap((next) => [
    `${beginning} ${next}${closing}`,
    ...(closing ? [`${beginning} ${next}${closing} = 1`] : []),
  ]);
}

/** Brackets that are open at its end, closed. */
function closingOf(beginning: string): string {
  const open: string[] = [];
  for (const one of beginning.match(/[()[\]]/g) ?? []) {
    if (one === '(') open.push(')');
    else if (one === '[') open.push('] = 1');
    else open.pop();
  }
  return open.reverse().join('');
}
