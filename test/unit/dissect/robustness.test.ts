/** Whatever the bytes and the lengths are: no exception, and no read outside the packet. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { dissect, type LinkType, type PacketInput } from '../../../src/dissect/packet.js';
import { SequenceTracker } from '../../../src/dissect/sequences.js';
import { type SummaryOptions, summarize } from '../../../src/dissect/summary.js';
import { fixture, fixtureNames } from './corpus.js';

/** The bytes of a buffer of which only [start, end) may be read by index. */
function guarded(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Proxy(bytes, {
    get(target, key) {
      const index = typeof key === 'string' ? Number(key) : Number.NaN;
      if (Number.isInteger(index) && (index < start || index >= end)) {
        throw new assert.AssertionError({ message: `read of ${index} outside [${start}, ${end})` });
      }
      const value: unknown = Reflect.get(target, key, target);
      return value;
    },
  });
}

const corpus = fixtureNames().flatMap((name) => fixture(name).map((packet) => packet.bytes));

const damage = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 });

/** A real packet with some bytes changed, or noise. */
const content: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat(corpus.length - 1), damage).map(([which, changes]) => {
      const bytes = Uint8Array.from(corpus[which]!);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return bytes;
    }),
  },
);

const options: fc.Arbitrary<SummaryOptions> = fc.record({
  linkHeader: fc.boolean(),
  absoluteSequence: fc.boolean(),
  verbose: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const),
  quick: fc.boolean(),
});

const protocols = [undefined, 0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x8847, 4, 0x1234];

const packet: fc.Arbitrary<PacketInput> = fc
  .record({
    content,
    before: fc.nat(40),
    after: fc.nat(40),
    cut: fc.oneof(fc.constant(0), fc.nat(100)),
    lengthError: fc.oneof(fc.constant(0), fc.integer({ min: -80, max: 70_000 })),
    linkType: fc.constantFrom<LinkType>('ethernet', 'ethernet', 'raw', 'unknown'),
    protocol: fc.constantFrom(...protocols),
    tag: fc.option(fc.record({ tci: fc.nat(0xffff), protocol: fc.constantFrom(0x8100, 0x88a8, 0x1234) })),
  })
  .map((parts) => {
    const capLen = Math.max(parts.content.length - parts.cut, 0);
    const bytes = new Uint8Array(parts.before + parts.content.length + parts.after).fill(0x45);
    bytes.set(parts.content, parts.before);
    return {
      bytes: guarded(bytes, parts.before, parts.before + capLen),
      offset: parts.before,
      capLen,
      len: Math.max(parts.content.length + parts.lengthError, 0),
      linkType: parts.linkType,
      ...(parts.protocol === undefined ? {} : { protocol: parts.protocol }),
      ...(parts.tag === null ? {} : { vlan: parts.tag }),
    };
  });

describe('malformed packets', () => {
  it('summarize answers text and stays inside the packet', () => {
    const sequences = new SequenceTracker(8);
    fc.assert(
      fc.property(packet, options, (input, chosen) => {
        assert.equal(typeof summarize(input, { ...chosen, sequences }), 'string');
      }),
      { numRuns: 20_000 },
    );
  });

  it('dissect answers facts and stays inside the packet', () => {
    fc.assert(
      fc.property(packet, (input) => {
        const facts = dissect(input);
        for (const key of ['networkOffset', 'transportOffset', 'payloadOffset'] as const) {
          assert.ok((facts[key] ?? 0) <= input.capLen, `${key} ${facts[key]} of ${input.capLen}`);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  it('a capture longer than the packet or the buffer is read up to the least of the three', () => {
    const bytes = corpus[0]!;
    const whole = summarize({
      bytes,
      offset: 0,
      capLen: bytes.length,
      len: bytes.length,
      linkType: 'ethernet',
    });
    const claims = { bytes, offset: 0, capLen: 100_000, len: bytes.length, linkType: 'ethernet' } as const;
    assert.equal(summarize(claims), whole);
    assert.equal(summarize({ ...claims, capLen: -1 }), ' [|ether]');
  });

  it('headers nested without end neither exhaust the stack nor go on for ever', () => {
    const header = Uint8Array.from([0x45, 0, 0xff, 0xff, 0, 0, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    const ipInIp = new Uint8Array(60_000);
    for (let at = 0; at < ipInIp.length; at += header.length) ipInIp.set(header, at);
    const input = { bytes: ipInIp, offset: 0, capLen: ipInIp.length, len: 0xffff, linkType: 'raw' } as const;
    assert.match(summarize(input), /\[nested too deep\]$/);

    const authentication = Uint8Array.from([51, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
    const chain = new Uint8Array(60_000);
    chain.set(header);
    chain[9] = 51;
    for (let at = 20; at + 12 <= chain.length; at += 12) chain.set(authentication, at);
    const text = summarize({ bytes: chain, offset: 0, capLen: chain.length, len: 0xffff, linkType: 'raw' });
    assert.ok(text.split('AH(').length > 4000, `${text.length} characters`);
  });
});
