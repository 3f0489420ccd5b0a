import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliveryText } from '../../../src/render/delivery-text.js';
import { answerTexts } from '../../../src/render/path-remarks.js';
import { type EventContent, names, tapEvent } from '../support/events.js';

const withHolders = {
  ...names,
  socketHolders: (inode: string) => (inode === '5' ? [{ pid: 812, comm: 'tcpdump' }] : []),
};

const delivered = (answer: bigint, more: Partial<EventContent> = {}) =>
  tapEvent({
    ...{ stage: 'delivery', has: ['socketInode', 'aux'], data: new Uint8Array(60) },
    fields: { socketInode: 5n, aux: answer, len: 1514 },
    ...more,
  });

test('what a socket made of a packet, with the process that holds it', () => {
  const texts = [
    delivered(1n),
    delivered(1n, { delivery: { result: 'taken', takenBytes: 96 } }),
    delivered(2n),
    delivered(3n),
    delivered(0n),
    delivered(0n, { delivery: { result: 'filtered' } }),
    delivered(1n, { fields: { socketInode: 6n, aux: 1n } }),
    delivered(1n, { has: ['aux'] }),
  ].map((event) => deliveryText(event, withHolders));
  assert.deepEqual(texts, [
    'tcpdump[812] took it here',
    'tcpdump[812] took 96 of 1514 bytes here',
    'tcpdump[812] was offered it: its filter refused',
    'tcpdump[812] was offered it: its buffer was full',
    'tcpdump[812] was offered it, what it answered is unknown',
    'tcpdump[812] was offered it: its filter refused',
    'socket 6 took it here',
    'a packet socket took it here',
  ]);
});

test('a drop names the packet socket that had no room', () => {
  const dropped = (reason: number) =>
    tapEvent({ stage: 'drop', has: ['reason', 'socketInode'], fields: { reason, socketInode: 5n } });
  assert.deepEqual(answerTexts(dropped(7), withHolders), ['the buffer of tcpdump[812] was full']);
  assert.deepEqual(answerTexts(dropped(6), withHolders), []);
});
