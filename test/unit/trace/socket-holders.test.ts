import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SocketHolders } from '../../../src/trace/socket-holders.js';

const tcpdump = { pid: 812, comm: 'tcpdump' };
const wireshark = { pid: 900, comm: 'dumpcap' };

test('what was found before the trace is not looked for again', () => {
  const holders = new SocketHolders([{ inode: 7, owners: [tcpdump] }], () => assert.fail('looked'));
  assert.deepEqual(holders.of('7'), [tcpdump]);
});

test('a new socket is looked for once a second at most, and kept', () => {
  let now = 0;
  let looked = 0;
  const find = (inodes: ReadonlySet<number>) => {
    looked += 1;
    return new Map(looked > 1 ? [...inodes].map((inode) => [inode, [wireshark]] as const) : []);
  };
  const holders = new SocketHolders([{ inode: 7, owners: [] }], find as never, () => now);
  assert.deepEqual(holders.of('9'), []);
  assert.deepEqual(holders.of('9'), []);
  assert.equal(looked, 1);
  now = 1000;
  assert.deepEqual(holders.of('9'), [wireshark]);
  assert.deepEqual(holders.of('9'), [wireshark]);
  assert.equal(looked, 2);
});
