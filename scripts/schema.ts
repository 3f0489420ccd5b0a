/** The JSON Schema of every line that --json prints: made of the types in src/lines/. */
import { createGenerator } from 'ts-json-schema-generator';

/** Every object is closed: a key that no type names does not validate. */
export function lineSchema(): string {
  const generator = createGenerator({
    path: 'src/lines/line.ts',
    tsconfig: 'tsconfig.json',
    type: 'Line',
    topRef: false,
    // The project's own compiler has checked them.
    skipTypeCheck: true,
  });
  const { $schema, ...schema } = generator.createSchema('Line');
  const title = 'One line of taptrace --json';
  const description =
    'trace and path print a header, events or journeys with gaps between them, and a summary; ' +
    'compare, stages and doctor print one object; read prints of a pcap or pcapng file a capture, its interfaces and ' +
    'packets, and a capture-summary. Keys are only ever added.';
  return `${JSON.stringify({ $schema, title, description, ...schema }, null, 2)}\n`;
}
