/** Writes the pages of docs/ that are made from tables in the code. Run from the project root. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stagesMarkdown } from '../src/render/stages-markdown.js';

const pages: Readonly<Record<string, () => string>> = {
  'stages.md': stagesMarkdown,
};

for (const [name, page] of Object.entries(pages)) writeFileSync(join('docs', name), page());
