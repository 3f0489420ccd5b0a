import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePacketDiag } from '../../../src/system/packet-diag.js';
import { packetDiagReply } from '../support/packet-diag.js';

const filter = Uint8Array.from([6, 0, 0, 0, 96, 0, 0, 0]);

test('sockets by inode: kind, filter and ring', () => {
  const ring = { version: 1, reserve: 4, flags: 8, blockBytes: 4096, frameBytes: 256, privateBytes: 0 };
  const sockets = parsePacketDiag(
    packetDiagReply([
      { inode: 7, type: 3, filter, ring },
      { inode: 8, type: 2 },
    ]),
  );
  assert.deepEqual(sockets.get('7'), {
    ...{ kind: 'raw', filter, showsFilter: true },
    ring: { version: 1, reservedBytes: 4, hasVnetHeader: true, frameBytes: 256 },
  });
  assert.deepEqual(sockets.get('8'), { kind: 'dgram', showsFilter: true });
});

test('a filter that may not be seen is there, and empty', () => {
  const [socket] = parsePacketDiag(
    packetDiagReply([{ inode: 7, type: 3, filter: new Uint8Array(0) }]),
  ).values();
  assert.deepEqual(socket, { kind: 'raw', showsFilter: false });
});

test('TPACKET_V3 has a block for a frame, but for its header and what the reader keeps there', () => {
  const ring = { version: 2, reserve: 0, flags: 0, blockBytes: 4096, frameBytes: 256, privateBytes: 13 };
  const [socket] = parsePacketDiag(packetDiagReply([{ inode: 7, type: 3, ring }])).values();
  assert.equal(socket?.ring?.frameBytes, 4096 - 48 - 16);
});
