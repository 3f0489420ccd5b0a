/** Names of split recordings, as tcpdump would name its files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FileNames, type Rotation } from '../../../src/record/file-names.js';

const start = new Date(2026, 0, 2, 3, 4, 5);
const after = (seconds: number): Date => new Date(start.getTime() + seconds * 1000);

/** The names that files get, each written to until it has `bytes` and for `seconds`; `-`: the end. */
function names(
  path: string,
  rotation: Rotation,
  turns: readonly (readonly [bytes: number, seconds: number])[],
): string {
  const files = new FileNames(path, rotation, start);
  const seen = [files.current];
  let now = 0;
  for (const [bytes, seconds] of turns) {
    now += seconds;
    const turn = files.turn(bytes, after(now));
    seen.push(turn === 'next' ? files.current : turn === 'end' ? '-' : '=');
  }
  return seen.join(' ');
}

const full = [101, 1] as const;
const half = [50, 1] as const;

test('-C counts up, from a file without a number', () =>
  assert.equal(names('f', { bytes: 100 }, [half, full, full, [100, 1]]), 'f = f1 f2 ='));

test('-C with -W begins again, and its numbers are equally long', () => {
  assert.equal(names('f', { bytes: 100, files: 3 }, [full, full, full, full]), 'f0 f1 f2 f0 f1');
  assert.equal(names('f', { bytes: 100, files: 11 }, [full]), 'f00 f01');
  assert.equal(names('f', { bytes: 100, files: 1 }, [full]), 'f0 f0');
});

test('-G puts the time of each file into its name, or overwrites it', () => {
  assert.equal(
    names('a-%H%M%S.taptrace', { seconds: 2 }, [half, half, half, half]),
    'a-030405.taptrace = a-030407.taptrace = a-030409.taptrace',
  );
  assert.equal(names('f', { seconds: 2 }, [[0, 3]]), 'f f');
  assert.equal(names('%F_%T %y%j %% %q', { seconds: 1 }, []), '2026-01-02_03:04:05 26002 % %q');
});

test('-G with -W ends after so many', () =>
  assert.equal(names('f%S', { seconds: 1, files: 2 }, [half, half]), 'f05 f06 -'));

test('-C with -G counts the files of each time, and -W only makes the numbers equally long', () =>
  assert.equal(
    names('f%S', { bytes: 100, seconds: 3, files: 2 }, [full, full, full, half, half, half]),
    'f050 f051 f050 f080 = = f110',
  ));

test('without -G a name is taken as it is', () => assert.equal(names('%S', { bytes: 9 }, []), '%S'));
