/** src/decode/layout.generated.ts is what the compiled object's BTF says. Needs dist/bpf and the addon: "make build". */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { packagePath } from '../../../src/native/binding.js';

test('the generated layout is fresh; otherwise run "make generate"', () => {
  const object = packagePath('dist/bpf/layout-types.bpf.o');
  assert.ok(existsSync(object), `${object} is missing: run "make build"`);
  const script = packagePath('dist/scripts/generate-layout.js');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
