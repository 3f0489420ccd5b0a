import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { foldersIn } from '../../../src/extcap/folders.js';
import { interfaceCalled, offeredInterfaces } from '../../../src/extcap/interfaces.js';
import { quickAnswer } from '../../../src/extcap/questions.js';
import { sentence } from '../../../src/extcap/sentences.js';
import { packagePath } from '../../../src/native/binding.js';

test('a name cannot end a field or a line', () =>
  assert.equal(sentence('interface', { value: 'a}b{c\nd', n: 1 }), 'interface {value=a_b_c_d}{n=1}\n'));

test('an interface is found by its value again, whatever the device is called', () => {
  for (const one of offeredInterfaces()) assert.deepEqual(interfaceCalled(one.value), one);
  assert.equal(interfaceCalled('taptrace-path-br-12ab.100').device, 'br-12ab.100');
  assert.equal(interfaceCalled('taptrace-taps').device, undefined);
  assert.throws(() => interfaceCalled('eth0'), /no interface "eth0" is ours/);
});

test("Wireshark's folders: the user's own first, where there is one", () => {
  const old = 'Personal configuration:\t/home/u/.config/wireshark\nExtcap path:\t/usr/lib/wireshark/extcap\n';
  assert.deepEqual(foldersIn(old), {
    extcap: ['/usr/lib/wireshark/extcap'],
    configuration: '/home/u/.config/wireshark',
  });
  const now = 'Personal Extcap path:  /home/u/.local/x\nGlobal Extcap path:\t/usr/libexec/wireshark/extcap\n';
  assert.deepEqual(foldersIn(now).extcap, ['/home/u/.local/x', '/usr/libexec/wireshark/extcap']);
});

test('questions are answered by the one file that the program is, which loads nothing but parts of node', () => {
  const text = readFileSync(packagePath('dist/bin/taptrace/main.js'), 'utf8');
  const statics = [...text.matchAll(/^import .* from "(.*)";$/gm)].map(([, name]) => name!);
  assert.ok(statics.length > 3);
  assert.deepEqual(
    statics.filter((name) => !name.startsWith('node:')),
    [],
  );
  const later = [...text.matchAll(/\bimport\("(.*?)"\)/g)].map(([, name]) => name);
  assert.deepEqual(later, ['./command-line.js']);
});

test('what is no question, or a wrong one, is left to the command', () => {
  for (const words of [
    [],
    ['--nonsense'],
    ['--help'],
    ['--install'],
    ['--extcap-dlts'],
    ['--capture', '--extcap-dlts'],
  ])
    assert.equal(quickAnswer(words), undefined, words.join(' '));
  assert.equal(quickAnswer(['--extcap-interface', 'eth0', '--extcap-dlts']), undefined);
  assert.match(
    quickAnswer(['--extcap-interface', 'taptrace-taps-lo', '--extcap-dlts'])!,
    /^dlt \{number=1\}/,
  );
});
