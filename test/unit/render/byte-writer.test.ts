import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from '../../../src/render/byte-writer.js';
import { toHex } from '../../support/bytes.js';

function written(write: (out: ByteWriter) => void): string {
  const out = new ByteWriter();
  out.text('>');
  write(out);
  out.ascii('<');
  const text = Buffer.from(out.bytes).toString('utf8');
  assert.equal(out.length, out.bytes.length);
  assert.ok(text.startsWith('>') && text.endsWith('<'), text);
  return text.slice(1, -1);
}

const word = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 9, 10, 0x7fffffff, 0x80000000, 0xffffffff));
const u64 = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);

test('numbers are written as they are printed', () => {
  const whole = fc.oneof(
    word,
    fc.maxSafeNat(),
    fc.constantFrom(0x1_0000_0000, 0xff_ffff_fff6, Number.MAX_SAFE_INTEGER),
  );
  fc.assert(
    fc.property(whole, word, word, fc.nat(999_999_999), (value, high, low, nanos) => {
      assert.equal(
        written((out) => out.decimal(value)),
        String(value),
      );
      assert.equal(
        written((out) => out.decimal64(high, low)),
        u64(high, low).toString(),
      );
      assert.equal(
        written((out) => out.hex64(high, low)),
        `0x${u64(high, low).toString(16)}`,
      );
      assert.equal(
        written((out) => out.padded(nanos, 9)),
        String(nanos).padStart(9, '0'),
      );
    }),
    { numRuns: 500 },
  );
});

test('JSON strings are those of JSON.stringify', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '\u007f', '\n')),
      (text) => {
        assert.equal(
          written((out) => out.json(text)),
          JSON.stringify(text),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('any text as UTF-8, ASCII text short and long, bytes as hex', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.string({ maxLength: 80 }),
      fc.uint8Array(),
      (text, ascii, bytes) => {
        assert.equal(
          written((out) => out.text(text)),
          text,
        );
        assert.equal(
          written((out) => out.ascii(ascii)),
          ascii,
        );
        assert.equal(
          written((out) => out.hex(bytes, 0, bytes.length)),
          toHex(bytes),
        );
        assert.equal(
          written((out) => out.hex(bytes, 1, bytes.length)),
          toHex(bytes.subarray(1)),
        );
      },
    ),
  );
});

test('it grows as far as it must, whatever is written at the border', () => {
  const writes: [string, (out: ByteWriter) => void][] = [
    ['ä', (out) => out.text('ä')],
    ['x'.repeat(31), (out) => out.ascii('x'.repeat(31))],
    ['"aaaaaaaaa"', (out) => out.json('aaaaaaaaa')],
    ['12345678901234', (out) => out.decimal(12345678901234)],
    ['000000007', (out) => out.padded(7, 9)],
    ['0xffffffff00000001', (out) => out.hex64(0xffffffff, 1)],
    ['010203', (out) => out.hex(Uint8Array.of(1, 2, 3), 0, 3)],
  ];
  for (const [text, write] of writes) {
    const out = new ByteWriter();
    let count = 0;
    for (; out.length < 600_000; count += 1) write(out);
    assert.equal(Buffer.from(out.bytes).toString('utf8'), text.repeat(count));
  }
});

test('one large piece fits too', () => {
  const bytes = new Uint8Array(300_000).fill(0xab);
  assert.equal(
    written((out) => out.hex(bytes, 0, bytes.length)),
    'ab'.repeat(300_000),
  );
  const text = 'é'.repeat(300_000);
  assert.equal(
    written((out) => out.text(text)),
    text,
  );
  assert.equal(
    written((out) => out.json(text)),
    JSON.stringify(text),
  );
});

test('after a reset without reuse, bytes given out before stay as they are', () => {
  const out = new ByteWriter();
  out.text('first');
  const given = out.bytes;
  out.reset(false);
  out.text('other');
  assert.equal(Buffer.from(given).toString(), 'first');
  out.reset(true);
  assert.equal(out.length, 0);
  out.text('again');
  assert.equal(Buffer.from(out.bytes).toString(), 'again');
});
