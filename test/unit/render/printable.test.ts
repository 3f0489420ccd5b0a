import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { printable, printableLines } from '../../../src/render/printable.js';

const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code < 0xa0);

test('control characters become visible, C1 included', () => {
  assert.equal(printable('\u001b]0;title\u0007'), '\\x1b]0;title\\x07');
  assert.equal(printable('a\u009b2Jb\u007f'), 'a\\x9b2Jb\\x7f');
  assert.equal(printable('one\ntwo\tthree\r'), 'one\\x0atwo\\x09three\\x0d');
});

test('everything else stays', () => {
  assert.equal(printable('größe – 日本 🐧 ~'), 'größe – 日本 🐧 ~');
});

test('text of lines keeps newlines and tabs only', () => {
  assert.equal(printableLines('a\n\tb\r\u001b'), 'a\n\tb\\x0d\\x1b');
});

test('no text at all brings a control character through', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.integer({ min: 0, max: 0x2ff }).map((code) => String.fromCharCode(code)) }),
      (text) => {
        assert.ok(![...printable(text)].some((char) => isControl(char.charCodeAt(0))));
        const kept = [...printableLines(text)].filter((char) => isControl(char.charCodeAt(0)));
        assert.ok(kept.every((char) => char === '\n' || char === '\t'));
      },
    ),
  );
});
