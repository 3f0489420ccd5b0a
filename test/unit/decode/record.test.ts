import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tapFlag, tapPresent, tapRecord, tapRecordBytes } from '../../../src/decode/layout.generated.js';
import { Batch, RecordView } from '../../../src/decode/record.js';
import { batchBytes, type Field, fieldBytes, recordView } from '../support/records.js';

/** Fields whose getter gives the number that is in the record. */
const plain = [
  ...(['version', 'stage', 'attachId', 'cpu', 'len', 'capLen', 'linearLen', 'netnsInum', 'ifindex'] as const),
  ...(['mark', 'hash', 'gsoType', 'reason', 'pid', 'tid', 'uid', 'gsoSize', 'gsoSegs', 'linkType'] as const),
  ...(['protocol', 'queue', 'vlanTci', 'vlanProtocol', 'packetType', 'ipSummed', 'context', 'link'] as const),
  'fragCount',
] as const satisfies readonly Field[];

test('every number is read from its own place and with its own width', () => {
  for (const field of plain) {
    const most = 2 ** (8 * fieldBytes(field)) - 1;
    for (const value of [0, 1, most - 1, most]) {
      const others = Object.fromEntries(
        plain.filter((other) => other !== field).map((other) => [other, most - value]),
      );
      assert.equal(recordView({ fields: { ...others, [field]: value } })[field], value, field);
    }
  }
});

const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 0xffffffffn, 0x1_0000_0000n),
);

test('64 bit values: in two words where events are many, cookies as decimal text', () => {
  fc.assert(
    fc.property(fc.array(u64, { minLength: 7, maxLength: 7 }), (values) => {
      const [timeNs, skb, head, netnsCookie, location, socketCookie, socketInode] = values as [
        ...[bigint, bigint, bigint, bigint],
        ...[bigint, bigint, bigint],
      ];
      const fields = { timeNs, skb, head, netnsCookie, location, socketCookie, socketInode };
      const record = recordView({ fields });
      const inWords = (value: bigint): number[] => [Number(value >> 32n), Number(value & 0xffffffffn)];
      assert.deepEqual([record.timeHigh, record.timeLow], inWords(timeNs));
      assert.deepEqual([record.skbHigh, record.skbLow], inWords(skb));
      assert.deepEqual([record.headHigh, record.headLow], inWords(head));
      assert.deepEqual([record.timeNs, record.location], [timeNs, location]);
      assert.equal(record.netnsCookie, netnsCookie.toString());
      assert.equal(record.socketCookie, socketCookie.toString());
      assert.equal(record.socketInode, socketInode.toString());
    }),
  );
});

test('a stack id is signed: the kernel writes its errors there', () => {
  assert.equal(recordView({ fields: { stackId: -14 } }).stackId, -14);
  assert.equal(recordView({ fields: { stackId: 5000 } }).stackId, 5000);
});

test('presence bits and flags are told apart', () => {
  for (const bit of Object.keys(tapPresent) as (keyof typeof tapPresent)[]) {
    const record = recordView({ has: [bit] });
    for (const other of Object.keys(tapPresent) as (keyof typeof tapPresent)[])
      assert.equal(record.has(other), other === bit, `${bit}, ${other}`);
  }
  for (const flag of Object.keys(tapFlag) as (keyof typeof tapFlag)[]) {
    const record = recordView({ is: [flag] });
    for (const other of Object.keys(tapFlag) as (keyof typeof tapFlag)[])
      assert.equal(record.is(other), other === flag, `${flag}, ${other}`);
  }
});

test('a task name ends at its NUL, or fills all sixteen bytes', () => {
  assert.equal(recordView({ comm: 'ping' }).comm, 'ping');
  assert.equal(recordView({ comm: '' }).comm, '');
  assert.equal(recordView({ comm: 'sixteen-letters!' }).comm, 'sixteen-letters!');
  assert.equal(recordView({ comm: 'old\0leftover' }).comm, 'old');
  assert.equal(recordView({ comm: 'größe' }).comm, 'größe');
});

test('equal names have equal keys, others do not', () => {
  const key = (comm: string): string => recordView({ comm }).commKey;
  assert.equal(key('ping'), key('ping'));
  for (const other of ['pinh', 'ping6', 'sixteen-letters!', 'sixteen-letters?'])
    assert.notEqual(key('ping'), key(other));
  assert.notEqual(key('sixteen-letters!'), key('sixteen-letters?'));
});

test('a view moves from record to record of a batch', () => {
  const lengths = [0, 1, 7, 8, 9, 100];
  const bytes = batchBytes(
    lengths.map((length, at) => ({ fields: { cpu: at }, data: new Uint8Array(length).fill(at) })),
  );
  const batch = new Batch(bytes);
  const view = new RecordView();
  let offset = 0;
  for (const [at, length] of lengths.entries()) {
    view.at(batch, offset);
    assert.equal(view.cpu, at);
    assert.equal(view.capLen, length);
    assert.equal(view.dataOffset, offset + tapRecordBytes);
    assert.deepEqual(
      bytes.subarray(view.dataOffset, view.dataOffset + length),
      new Uint8Array(length).fill(at),
    );
    offset += view.recordLen;
  }
  assert.equal(offset, bytes.length);
});

test('a batch may begin anywhere in its buffer, at a multiple of eight', () => {
  const bytes = batchBytes([{ fields: { ifindex: 77 }, comm: 'ping' }]);
  const shifted = new Uint8Array(bytes.length + 24);
  shifted.set(bytes, 24);
  const record = new RecordView().at(new Batch(shifted.subarray(24)), 0);
  assert.equal(record.ifindex, 77);
  assert.equal(record.comm, 'ping');
});

test('every field of the layout lies on a multiple of its width', () => {
  for (const field of Object.keys(tapRecord).filter(
    (name) => name !== 'reserved' && name !== 'comm',
  ) as Field[])
    assert.equal(tapRecord[field] % fieldBytes(field), 0, field);
  assert.equal(tapRecordBytes % 8, 0);
});
