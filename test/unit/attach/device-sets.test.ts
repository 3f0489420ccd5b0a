import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DeviceMaps, DeviceSets, setOf } from '../../../src/attach/device-sets.js';
import { tapDeviceSet, tapDeviceSetBytes } from '../../../src/decode/layout.generated.js';

/** What a program would find. */
class Maps implements DeviceMaps {
  private readonly sets = new Map<number, DataView>();
  readonly crowded = new Set<bigint>();

  mapSet(map: string, key: Uint8Array, value: Uint8Array): void {
    const { buffer } = key;
    if (map === 'crowded_devices') this.crowded.add(new BigUint64Array(buffer)[0]!);
    else this.sets.set(new Uint32Array(buffer)[0]!, new DataView(value.buffer));
  }

  mapDelete(map: string, key: Uint8Array): void {
    assert.equal(map, 'crowded_devices');
    this.crowded.delete(new BigUint64Array(key.buffer)[0]!);
  }

  has(device: bigint): boolean {
    const set = this.sets.get(setOf(device));
    if (!set) return false;
    assert.equal(set.byteLength, tapDeviceSetBytes);
    const ways = [0, 1, 2, 3].map((way) => set.getBigUint64(tapDeviceSet.devices + 8 * way, true));
    return ways.includes(device) || (set.getUint8(tapDeviceSet.isCrowded) === 1 && this.crowded.has(device));
  }
}

const device = (netns: number, ifindex: number): bigint => (BigInt(ifindex) << 32n) | BigInt(netns);

/** Devices of one namespace that belong to the same set. */
function neighbours(count: number): bigint[] {
  const found: bigint[] = [];
  const at = setOf(device(4_026_531_840, 1));
  for (let ifindex = 1; found.length < count; ifindex += 1) {
    const one = device(4_026_531_840, ifindex);
    if (setOf(one) === at) found.push(one);
  }
  return found;
}

describe('the devices that are wanted', () => {
  it('are found, and those that were let go of are not', () => {
    const maps = new Maps();
    const sets = new DeviceSets(maps);
    const all = Array.from({ length: 3000 }, (_, at) => device(4_026_531_840 + (at % 7), at + 1));
    for (const one of all) sets.select(one);
    assert.deepEqual(
      all.filter((one) => !maps.has(one)),
      [],
    );
    assert.equal(maps.has(device(4_026_531_840, 1_000_000)), false);
    for (const one of all.slice(0, 2000)) sets.unselect(one);
    assert.deepEqual(
      all.map((one) => maps.has(one)),
      all.map((_, at) => at >= 2000),
    );
  });

  it('may be more than one set has places for', () => {
    const maps = new Maps();
    const sets = new DeviceSets(maps);
    const all = neighbours(7);
    for (const one of all) sets.select(one);
    assert.equal(maps.crowded.size, 3);
    for (const one of all) assert.ok(maps.has(one));
    for (const one of [all[6]!, all[0]!]) sets.unselect(one);
    assert.deepEqual(
      all.map((one) => maps.has(one)),
      [false, true, true, true, true, true, false],
    );
    sets.select(all[0]!);
    assert.ok(maps.has(all[0]!));
  });

  it('are told once, however often they are selected', () => {
    const maps = new Maps();
    const sets = new DeviceSets(maps);
    const [one, ...others] = neighbours(6);
    for (const again of [one!, one!, one!]) sets.select(again);
    for (const other of others) sets.select(other);
    sets.unselect(one!);
    assert.equal(maps.has(one!), false);
    const crowded = others[4]!;
    sets.select(crowded);
    sets.unselect(crowded);
    assert.equal(maps.has(crowded), false);
  });
});
