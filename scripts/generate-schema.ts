/** Writes docs/schema.json. */
import { writeFileSync } from 'node:fs';
import { lineSchema } from './schema.js';

writeFileSync('docs/schema.json', lineSchema());
