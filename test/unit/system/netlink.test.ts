import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  attributes,
  attributeText,
  attributeU8,
  attributeU32,
  parseMessages,
} from '../../../src/system/netlink.js';
import { linksReply } from '../support/machine.js';

/** One message: length, type, flags, sequence, port, then the payload, padded to four bytes. */
function message(type: number, payload: Uint8Array, claimed = 16 + payload.length): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(claimed, 0);
  header.writeUInt16LE(type, 4);
  return Buffer.concat([header, payload, Buffer.alloc(-payload.length & 3)]);
}

const errorMessage = (errno: number): Buffer => {
  const payload = Buffer.alloc(20);
  payload.writeInt32LE(-errno, 0);
  return message(2, payload);
};

function attribute(type: number, value: Uint8Array): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16LE(4 + value.length, 0);
  header.writeUInt16LE(type, 2);
  return Buffer.concat([header, value, Buffer.alloc(-value.length & 3)]);
}

const bytesOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

test('messages come back as they were put in, in order', () => {
  const some = fc.array(fc.tuple(fc.integer({ min: 16, max: 65535 }), fc.uint8Array({ maxLength: 40 })));
  fc.assert(
    fc.property(some, (messages) => {
      const reply = Buffer.concat(messages.map(([type, payload]) => message(type, payload)));
      const parsed = parseMessages(reply).map(({ type, payload }) => [
        type,
        Uint8Array.from(bytesOf(payload)),
      ]);
      assert.deepEqual(
        parsed,
        messages.map(([type, payload]) => [type, Uint8Array.from(payload)]),
      );
    }),
  );
});

test('the end of a dump is no message, an error is thrown with its number', () => {
  const link = message(16, new Uint8Array(16));
  assert.equal(parseMessages(Buffer.concat([link, message(3, Buffer.alloc(4))])).length, 1);
  assert.equal(parseMessages(Buffer.concat([errorMessage(0), link])).length, 1);
  assert.throws(() => parseMessages(errorMessage(95)), /refused with error 95/);
});

test('lengths that contradict the bytes are damage, not packets', () => {
  assert.throws(() => parseMessages(message(16, Buffer.alloc(4), 15)), /damaged/);
  assert.throws(() => parseMessages(message(16, Buffer.alloc(4), 21)), /damaged/);
  const reply = linksReply();
  assert.throws(() => parseMessages(reply.subarray(0, reply.length - 24)), /damaged/);
});

test('attributes: by type without the nested flag, whatever their length', () => {
  const bytes = Buffer.concat([
    Buffer.alloc(16),
    attribute(3, Buffer.from('veth0\0')),
    attribute(0x8000 | 18, attribute(1, Buffer.from('veth\0'))),
    attribute(4, Buffer.from([0xdc, 5, 0, 0])),
    attribute(2, Buffer.from([7])),
    attribute(9, new Uint8Array(0)),
  ]);
  const found = attributes(viewOf(bytes), 16);
  assert.deepEqual([...found.keys()], [3, 18, 4, 2, 9]);
  assert.equal(attributeText(found.get(3)), 'veth0');
  assert.equal(attributeText(attributes(found.get(18)!, 0).get(1)), 'veth');
  assert.equal(attributeU32(found.get(4)), 1500);
  assert.equal(attributeU8(found.get(2)), 7);
  for (const read of [attributeText, attributeU32, attributeU8]) assert.equal(read(found.get(77)), undefined);
  assert.equal(attributeU32(found.get(2)), undefined);
});

test('whatever the bytes, attributes lie inside them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(20), (bytes, start) => {
      for (const value of attributes(viewOf(bytes), start).values())
        assert.ok(value.byteOffset - bytes.byteOffset + value.byteLength <= bytes.length);
    }),
  );
});
