/** Hex dumps and times against what tcpdump printed of the same packets (test/fixtures/render/README.md). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { TextOptions } from '../../../src/render/packet-text.js';
import { capturedEvents, place, textOf } from '../support/texts.js';

const fixture = (name: string): string => readFileSync(`test/fixtures/render/${name}`, 'latin1');
const events = capturedEvents('test/fixtures/render/packets.pcap');
/** tcpdump's line of each packet, without a time. */
const lines = fixture('time.t.txt').trimEnd().split('\n');

/** Our text of all packets, the part that says where and what replaced by tcpdump's line. */
function ourText(changes: Partial<TextOptions>): string {
  const text = textOf(changes);
  return events
    .map((event, at) => {
      const [first = '', ...dump] = text.render(event).split('\n');
      const time = first.slice(0, first.indexOf(place));
      return [`${time}${lines[at]}`, ...dump].join('\n');
    })
    .join('');
}

describe('bytes below the line', () => {
  for (const [flag, changes] of Object.entries({
    x: { hex: 1 },
    xx: { hex: 2 },
    X: { hexAscii: 1 },
    XX: { hexAscii: 2 },
    A: { ascii: 1 },
    AA: { ascii: 2 },
  })) {
    it(`-${flag}`, () => assert.equal(ourText(changes), fixture(`dump.${flag}.txt`)));
  }

  it('of several flags the one that tcpdump takes', () => {
    assert.equal(ourText({ hexAscii: 1, hex: 2, ascii: 2 }), fixture('dump.X.txt'));
    assert.equal(ourText({ hex: 1, ascii: 2 }), fixture('dump.x.txt'));
  });
});

describe('times', () => {
  process.env.TZ = 'Asia/Kolkata';
  for (const [flag, timeFormat] of [
    ['', 0],
    ['.t', 1],
    ['.tt', 2],
    ['.ttt', 3],
    ['.tttt', 4],
    ['.ttttt', 5],
  ] as const) {
    it(`-${flag.slice(1)}`, () => assert.equal(ourText({ timeFormat }), fixture(`time${flag}.txt`)));
  }
});
