/** Lines of --json held against docs/schema.json. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { packagePath } from '../../src/native/binding.js';

interface Schema {
  readonly anyOf: readonly { readonly $ref: string }[];
  readonly definitions: Readonly<
    Record<string, { readonly properties: { readonly type: { const: string } } }>
  >;
}

const schema = JSON.parse(readFileSync(packagePath('docs/schema.json'), 'utf8')) as Schema;

/** A validator for each kind of line, so that an error names the key and not every other kind. */
function validators(): Map<string, ValidateFunction> {
  const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
  ajv.addSchema(schema, 'lines');
  const kinds = schema.anyOf.map(({ $ref }) => $ref.replace('#/definitions/', ''));
  return new Map(
    kinds.map((name) => {
      const { const: kind } = schema.definitions[name]!.properties.type;
      return [kind, ajv.compile({ $ref: `lines#/definitions/${name}` })];
    }),
  );
}

const byKind = validators();

/** Kinds of lines that there are. */
export const lineKinds: readonly string[] = [...byKind.keys()];

/** What is wrong with a line; empty: nothing. */
export function faultsOf(line: unknown): string[] {
  const { type } = line as { type: string };
  const validate = byKind.get(type);
  if (!validate) return [`no line is of type ${type}`];
  if (validate(line)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${type}${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

/** Fails unless every line of the text is one of the schema's; gives back how many there are of each type. */
export function checkLines(text: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of text.trim().split('\n')) {
    const value = JSON.parse(line) as { type: string };
    assert.deepEqual(faultsOf(value), [], line);
    counts[value.type] = (counts[value.type] ?? 0) + 1;
  }
  return counts;
}
