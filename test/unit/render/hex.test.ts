import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asciiDump, hexDump } from '../../../src/render/hex.js';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('nothing outside the packet is read or shown', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (before, packet, after) => {
      const all = new Uint8Array([...before, ...packet, ...after]);
      for (const ascii of [false, true])
        assert.equal(
          hexDump(all, before.length, packet.length, ascii),
          hexDump(packet, 0, packet.length, ascii),
        );
      assert.equal(asciiDump(all, before.length, packet.length), asciiDump(packet, 0, packet.length));
    }),
  );
});

test('a carriage return whose line feed was not captured is a dot', () => {
  const bytes = bytesOf('GET\r\n');
  assert.equal(asciiDump(bytes, 0, 5), 'GET\n\n');
  assert.equal(asciiDump(bytes, 0, 4), 'GET.\n');
});

test('no bytes, no lines', () => {
  assert.equal(hexDump(new Uint8Array(3), 3, 0, true), '');
});

test('offsets grow beyond four digits', () => {
  const lines = hexDump(new Uint8Array(65_552), 0, 65_552, false).trimEnd().split('\n');
  assert.match(lines.at(-1)!, /^\t0x10000: {2}0000 /);
});
