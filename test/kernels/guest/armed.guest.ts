/**
 * Armed or not, and by whom: a tcpdump on all devices of another namespace makes the tap run here too while the
 * kernel has one tap list for all namespaces.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Child } from '../../support/process.js';
import { createQuietWorld, flood, type QuietWorld } from '../../support/quiet.js';
import { type TraceEvent, Tracer, traceCommand } from '../../support/tracer.js';
import { tapsAreGlobal } from './situation.js';

const PACKETS = 5;
const PACKETS_PER_SECOND = 1000;
const WOULD = 'would be tapped here';

let world: QuietWorld;
let untapped: readonly TraceEvent[];
let elsewhere: readonly TraceEvent[];
let lines: readonly string[];

before(async () => {
  world = await createQuietWorld();
  const { a, b } = world;
  const args = ['--netns', a.netns.name, '-i', a.device, '--stages', 'tx-tap'];
  const tracer = await Tracer.start(args);
  const text = new Child(traceCommand(['-l', ...args]));
  await text.until(() => text.stderr.includes('armed'), 'a trace that has begun');
  await flood(world, PACKETS, PACKETS_PER_SECOND);
  const tcpdump = b.spawn(['tcpdump', '-i', 'any', '-w', '/dev/null']);
  await tcpdump.until(() => tcpdump.stderr.includes('listening on'), 'capture start');
  await flood(world, PACKETS, PACKETS_PER_SECOND);
  await tracer.untilLines('"type":"event"', 2 * PACKETS);
  await text.until(() => text.stdout.split('\n').length > 2 * PACKETS, 'all lines');
  await tcpdump.stop('SIGINT');
  await text.stop('SIGINT');
  const { events } = await tracer.stop();
  lines = text.stdout.trimEnd().split('\n');
  [untapped, elsewhere] = [events.slice(0, PACKETS), events.slice(PACKETS)];
});
after(() => world?.close());

const armedOf = (events: readonly TraceEvent[]) => events.map(({ armed }) => armed);

describe('nobody taps', () => {
  it('every event says armed: false', () => assert.deepEqual(armedOf(untapped), Array(PACKETS).fill(false)));
  it(`every line says "${WOULD}"`, () => {
    for (const line of lines.slice(0, PACKETS)) assert.ok(line.includes(WOULD), line);
  });
});

describe('tcpdump -i any in another namespace', () => {
  it(`every event says armed: ${tapsAreGlobal}`, () =>
    assert.deepEqual(armedOf(elsewhere), Array(PACKETS).fill(tapsAreGlobal)));
  it(`${tapsAreGlobal ? 'no' : 'every'} line says "${WOULD}"`, () => {
    for (const line of lines.slice(PACKETS)) assert.equal(line.includes(WOULD), !tapsAreGlobal, line);
  });
});
