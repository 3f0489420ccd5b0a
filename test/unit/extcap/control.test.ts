/** The toolbar's protocol, as Wireshark's doc/extcap.4 has it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlReader, command, controlBytes } from '../../../src/extcap/control.js';

test('a message is T, its length in three bytes, control, command, text', () => {
  const bytes = controlBytes({ control: 2, command: command.set, text: 'é1' });
  assert.equal(bytes.toString('hex'), '54000005' + '0201' + 'c3a931');
});

test('messages come whole out of pieces of any length, with noise between them', () => {
  const messages = [
    { control: 0, command: command.set, text: 'taps,drop' },
    { control: 1, command: command.initialized, text: '' },
    { control: 2, command: command.set, text: 'T'.repeat(300) },
  ];
  const noise = Buffer.from('xx');
  const stream = Buffer.concat(messages.flatMap((message) => [controlBytes(message), noise]));
  for (const size of [1, 3, 7, 1000]) {
    const reader = new ControlReader();
    const got = [];
    for (let at = 0; at < stream.length; at += size) got.push(...reader.take(stream.subarray(at, at + size)));
    assert.deepEqual(got, messages);
  }
});

test('a length that cannot be is passed over', () => {
  const reader = new ControlReader();
  const good = { control: 0, command: command.set, text: 'all' };
  for (const front of ['54000000', '54000001', '54ffffff'])
    assert.deepEqual(reader.take(Buffer.concat([Buffer.from(front, 'hex'), controlBytes(good)])), [good]);
});
