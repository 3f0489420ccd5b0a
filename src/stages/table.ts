/**
 * The stage table: every place where a packet can be watched, in path order (way in, way out, ends). The map, the
 * docs, the attach plan and the lookup of ids all read this one table.
 */
import { endRows } from './rows-ends.js';
import { networkInRows } from './rows-ip-in.js';
import { networkOutRows } from './rows-ip-out.js';
import { linkInRows } from './rows-link-in.js';
import { linkOutRows } from './rows-link-out.js';
import type { Stage } from './types.js';

export const stages: readonly Stage[] = [
  ...linkInRows,
  ...networkInRows,
  ...networkOutRows,
  ...linkOutRows,
  ...endRows,
];
