/** Packets that match at one device are followed to their end behind another one, and no others. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createQuietWorld, flood } from '../../support/quiet.js';
import { Tracer } from '../../support/tracer.js';

const PACKETS = 25;
const WANTED_BYTES = 80;

it('what matches where it is sent is followed to where it is dropped', async () => {
  const world = await createQuietWorld();
  const { a, b } = world;
  const namespaces = [a, b].flatMap(({ netns }) => ['--netns', netns.name]);
  // Only the sender's device, user and task can match: of the receiver's side all is followed.
  const choice = [
    '-i',
    a.device,
    '-Q',
    'out',
    '--uid',
    '0',
    '--comm',
    'udp_flood',
    '--min-len',
    '110',
    'udp',
  ];
  const tracer = await Tracer.start(['--stages', 'taps', '--follow', ...namespaces, ...choice]);
  await flood(world, PACKETS, 500, WANTED_BYTES);
  await flood(world, PACKETS, 500, 20);
  await tracer.untilLines('"stage":"drop"', PACKETS);
  const { events, header, summary } = await tracer.stop();
  world.close();
  assert.equal(header.filterRuns, 'kernel');
  assert.notEqual(summary.complete, false);
  const places = (packet: number | undefined) =>
    events.filter((event) => event.packet === packet).map(({ stage, ifname }) => `${stage} ${ifname}`);
  const packets = [...new Set(events.map(({ packet }) => packet))];
  assert.equal(packets.length, PACKETS);
  for (const packet of packets)
    assert.deepEqual(places(packet), [`tx-tap ${a.device}`, `rx-tap ${b.device}`, `drop ${b.device}`]);
  assert.ok(events.every(({ len }) => len >= WANTED_BYTES));
});
