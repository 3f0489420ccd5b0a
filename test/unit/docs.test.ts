/** What README.md and ARCHITECTURE.md name is there. Tests run from the root of a built tree. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, it } from 'node:test';

const folders = ['src', 'bpf', 'native', 'test', 'docs', 'bench', 'scripts', 'dist', String.raw`\.ci`];
const inFolder = new RegExp(String.raw`(?<![\w/.-])(?:${folders.join('|')})/[\w./<>*-]*`, 'g');
const link = /\]\((?![a-z]+:|#)([^)#]+)/g;
const rootFile = /`((?:[A-Z][\w-]*|[\w-]+\.(?:json|md|gyp)))`/g;
const rootNames = new Set([
  'Makefile',
  'LICENSE',
  'package.json',
  'tsconfig.json',
  'biome.json',
  'binding.gyp',
]);

/** Paths in a text: in links, below the folders of the tree, and files of its root. */
function pathsIn(text: string): string[] {
  const below = [...text.matchAll(inFolder)].map(([path]) => path.replace(/\.+$/, ''));
  const linked = [...text.matchAll(link)].map(([, path]) => path!);
  const files = [...text.matchAll(rootFile)].map(([, name]) => name!);
  return [
    ...new Set([...below, ...linked, ...files.filter((name) => rootNames.has(name) || name.endsWith('.md'))]),
  ];
}

/** `<something>` and * stand for any name; at least one file has to fit. */
function isThere(path: string): boolean {
  if (!/[<*]/.test(path)) return existsSync(path);
  const parts = basename(path)
    .split(/<[^>]*>|\*/)
    .map((part) => part.replaceAll('.', String.raw`\.`));
  const pattern = new RegExp(`^${parts.join('.+')}$`);
  return existsSync(dirname(path)) && readdirSync(dirname(path)).some((name) => pattern.test(name));
}

for (const page of ['README.md', 'ARCHITECTURE.md']) {
  describe(page, () => {
    const paths = pathsIn(readFileSync(page, 'utf8'));
    it('names paths', () => assert.ok(paths.length > 3, paths.join(' ')));
    for (const path of paths) it(`${path} exists`, () => assert.ok(isThere(path)));
  });
}

describe('the search itself', () => {
  it('finds every kind of path', () => {
    const text =
      'See [x](docs/y.md#z), `src/a.ts`. `Makefile` and bpf/<m>.bpf.c; not https://e.org/src/x or BTF/src.';
    assert.deepEqual(pathsIn(text), ['docs/y.md', 'src/a.ts', 'bpf/<m>.bpf.c', 'Makefile']);
  });
  it('knows what is there', () => {
    assert.ok(isThere('bpf/<mechanism>.bpf.c'));
    assert.ok(isThere('src/'));
    for (const path of ['bpf/<mechanism>.bpf.x', 'src/nothing.ts', 'nowhere/<x>'])
      assert.ok(!isThere(path), path);
  });
});
