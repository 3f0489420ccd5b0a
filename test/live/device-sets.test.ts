/** More devices in one set than it has places for: the program asks the map beside it. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setOf } from '../../src/attach/device-sets.js';
import { probeFeatures } from '../../src/attach/features.js';
import { openSession, type TapSession } from '../../src/attach/session.js';
import { nativeBinding } from '../../src/native/binding.js';
import { expandStages } from '../../src/stages/lookup.js';
import { possibleCpus } from '../../src/system/kernel.js';
import { createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { cannotRunLive, type End } from '../support/world.js';

const skip = cannotRunLive([]) ?? false;
const PACKETS = 50;
/** As many as a set has. */
const WAYS = 4;

let world: QuietWorld;
before(async () => {
  if (!skip) world = await createQuietWorld();
});
after(() => world?.close());

const ifindexOf = async (end: End): Promise<number> =>
  Number(await end.run(['cat', `/sys/class/net/${end.device}/ifindex`]));

/** Numbers of devices that there are not, in the same set as the one there is. */
function neighboursOf(netnsInum: number, ifindex: number): number[] {
  const device = (index: number): bigint => (BigInt(index) << 32n) | BigInt(netnsInum);
  const found: number[] = [];
  for (let other = 1_000_000; found.length < WAYS; other += 1)
    if (setOf(device(other)) === setOf(device(ifindex))) found.push(other);
  return found;
}

it('a device is selected, and let go, beside four others of its set', { skip }, async () => {
  const { netns } = world.a;
  const ifindex = await ifindexOf(world.a);
  const native = nativeBinding();
  const { stages } = expandStages(['taps']);
  const { session, plan } = openSession(
    native,
    {
      ...{ stages, arm: false, observeOnly: true, mechanisms: new Map(), selectDevices: true },
      netnsInum: 'all',
    },
    probeFeatures(native, stages),
    { ringBytes: 1 << 20, cpus: possibleCpus(), snaplen: 64, stacks: false },
  );
  const matched = (from: TapSession): number =>
    plan.attachments.reduce((total, attachment) => total + from.counts(attachment).matched, 0);
  const counted = async (): Promise<number> => {
    const before = matched(session);
    await flood(world, PACKETS, 20_000);
    return matched(session) - before;
  };
  try {
    for (const other of neighboursOf(netns.inode, ifindex)) session.selectDevice(netns.inode, other);
    assert.equal(await counted(), 0);
    session.selectDevice(netns.inode, ifindex);
    assert.equal(await counted(), PACKETS, 'each once, on its way out of one end');
    session.unselectDevice(netns.inode, ifindex);
    assert.equal(await counted(), 0);
  } finally {
    session.close();
  }
});
