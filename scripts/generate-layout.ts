/** Writes src/decode/layout.generated.ts from the BTF of a compiled object, or checks it with --check. */
import { readFileSync, writeFileSync } from 'node:fs';
import { nativeBinding, packagePath } from '../src/native/binding.js';

const target = packagePath('src/decode/layout.generated.ts');
const structs = [
  'tap_record',
  'tap_counters',
  'tap_live',
  'tap_device',
  'tap_device_set',
  'tap_socket_device',
  'tap_filter_view',
];
const enums = [
  'tap_present',
  'tap_flag',
  'tap_context',
  'tap_link',
  'tap_choice',
  'tap_delivery',
  'tap_filter',
];

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The layout module's text. */
export function layoutModule(object: Uint8Array): string {
  const native = nativeBinding();
  const lines = [
    '// Generated from bpf/event.h through the BTF of a compiled object by "make generate". Do not edit.',
  ];
  for (const name of structs) {
    const layout = native.structLayout(object, name);
    if (!layout) throw new Error(`no struct ${name} in the object's BTF`);
    lines.push('', `/** Byte offsets of struct ${name}. */`, `export const ${camelCase(name)} = {`);
    for (const member of layout.members) lines.push(`  ${camelCase(member.name)}: ${member.offset},`);
    lines.push('} as const;', `export const ${camelCase(name)}Bytes = ${layout.bytes};`);
  }
  for (const name of enums) {
    const values = native.objectEnum(object, name);
    if (!values) throw new Error(`no enum ${name} in the object's BTF`);
    const prefix =
      name === 'tap_present' ? 'TAP_HAS_' : name === 'tap_flag' ? 'TAP_' : `${name.toUpperCase()}_`;
    lines.push('', `/** enum ${name} */`, `export const ${camelCase(name)} = {`);
    for (const [key, value] of Object.entries(values)) {
      lines.push(`  ${camelCase(key.replace(prefix, '').toLowerCase())}: ${value},`);
    }
    lines.push('} as const;');
  }
  return `${lines.join('\n')}\n`;
}

const text = layoutModule(readFileSync(packagePath('dist/bpf/layout-types.bpf.o')));
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    process.stderr.write(
      'src/decode/layout.generated.ts is not what bpf/event.h says: run "make generate"\n',
    );
    process.exitCode = 1;
  }
} else {
  writeFileSync(target, text);
}
