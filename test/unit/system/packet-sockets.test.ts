import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePacketSockets, readPacketTaps } from '../../../src/system/packet-sockets.js';
import { binding, machine, packetSockets } from '../support/machine.js';

const header = 'sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n';

test('taps are the running sockets of every protocol; interface 0 taps all devices', () => {
  assert.deepEqual(parsePacketSockets(new TextDecoder().decode(packetSockets())), [
    { ifindex: 3, inode: 560992 },
    { ifindex: 0, inode: 561516 },
    { ifindex: 7, inode: 561627 },
  ]);
});

test('no sockets, no taps', () => {
  assert.deepEqual(parsePacketSockets(header), []);
  assert.deepEqual(parsePacketSockets(''), []);
});

test('a line that was cut is left out', () => {
  assert.deepEqual(parsePacketSockets(`${header}00000000bc8a1522 3      3    0003   3     1`), []);
});

test('the namespace asked for is read; sockets without a readable owner have none', () => {
  const asked: unknown[] = [];
  const readFile = (netnsPath: string | null, path: string) => {
    asked.push(netnsPath, path);
    return new TextEncoder().encode(`${header}0000000000000000 3 3 0003 2 1 0 0 18446744073709551615\n`);
  };
  const [tap, ...others] = readPacketTaps(binding({ readFile }), '/run/netns/other');
  assert.deepEqual(asked, ['/run/netns/other', '/proc/thread-self/net/packet']);
  assert.deepEqual({ ifindex: tap?.ifindex, owners: tap?.owners }, { ifindex: 2, owners: [] });
  assert.equal(others.length, 0);
  assert.equal(readPacketTaps(machine(), null).length, 3);
});
