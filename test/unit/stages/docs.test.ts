import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { stagesMarkdown } from '../../../src/render/stages-markdown.js';
import { stages } from '../../../src/stages/table.js';

test('docs/stages.md is what the table gives; otherwise run dist/scripts/generate-docs.js', () => {
  assert.equal(readFileSync('docs/stages.md', 'utf8'), stagesMarkdown());
});

test('every stage has a section, and every link leads to one', () => {
  const page = stagesMarkdown();
  const headings = [...page.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
  assert.deepEqual(
    headings,
    stages.map(({ id }) => id),
  );
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
  assert.deepEqual(links.toSorted(), headings.toSorted());
});

test('no underscore outside code: it would be read as emphasis', () => {
  const prose = stagesMarkdown().replace(/`[^`\n]*`/g, '');
  assert.doesNotMatch(prose, /_/);
});
