import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { palette } from '../../../src/cli/sinks.js';
import { EventText } from '../../../src/render/event-text.js';
import { assertGolden } from '../stages/golden.js';
import { names, tapEvent } from '../support/events.js';
import { options, plain } from '../support/texts.js';
import { scene } from './scene.js';

process.env.TZ = 'UTC';
const widths = { stage: 10, function: 36, device: 4 };

function text(changes: Partial<typeof options>, colours = plain): string {
  const renderer = new EventText(names, { ...options, timeFormat: 0, ...changes }, colours, widths);
  return scene()
    .map((event) => renderer.render(event))
    .join('');
}

test('events of every kind', () => {
  assertGolden('test/fixtures/render/events.txt', text({}));
});

test('with link headers, absolute sequence numbers and bytes', () => {
  assertGolden(
    'test/fixtures/render/events-eSxx.txt',
    text({ linkHeader: true, absoluteSequence: true, hex: 2 }),
  );
});

test('colour changes no text, and without colour there is none', () => {
  const coloured = text({}, palette(true));
  assert.notEqual(coloured, text({}));
  assert.equal(stripVTControlCharacters(coloured), text({}));
  assert.equal(text({}, palette(false)), text({}));
});

test('the taps and drops stand out from the other stages', () => {
  const lines = text({}, palette(true)).split('\n');
  const coloursOf = (stage: string) =>
    lines.filter((line) => line.includes(stage)).map((line) => /\u001b\[(\d+)m(?=[a-z])/.exec(line)?.[1]);
  const [rx, tx, drop, consume] = ['rx-tap', 'tx-tap', 'drop ', 'consume'].map(
    (stage) => coloursOf(stage)[0],
  );
  assert.equal(new Set([rx, tx, drop]).size, 3);
  assert.ok(rx && tx && drop);
  assert.notEqual(consume, rx);
});

test('whatever the packet, no control character but newlines and tabs reaches the terminal', () => {
  const renderer = new EventText(
    names,
    { ...options, verbose: 3, linkHeader: true, hexAscii: 2 },
    plain,
    widths,
  );
  const ascii = new EventText(names, { ...options, ascii: 2 }, plain, widths);
  const frame = fc.tuple(
    fc.uint8Array({ minLength: 12, maxLength: 12 }),
    fc.constantFrom('0800', '86dd', '0806', '8100', '0026', '88b5'),
    fc.uint8Array({ maxLength: 80 }),
  );
  fc.assert(
    fc.property(frame, ([addresses, type, payload]) => {
      const data = new Uint8Array(Buffer.concat([addresses, Buffer.from(type, 'hex'), payload]));
      const event = tapEvent({ stage: 'start-xmit', data });
      for (const made of [renderer, ascii])
        assert.doesNotMatch(made.render(event), /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }),
    { numRuns: 500 },
  );
});
