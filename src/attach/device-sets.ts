/** The devices that events are wanted from, as the programs look them up (bpf/select.h, is_selected). */
import { tapDeviceSet, tapDeviceSetBytes } from '../decode/layout.generated.js';

/** TAP_DEVICE_SETS and TAP_DEVICE_WAYS of bpf/event.h. */
const sets = 1024n;
const ways = 4;
const multiplier = 0x9e37_79b9_7f4a_7c15n;

/** What of a session this needs. */
export interface DeviceMaps {
  mapSet(map: string, key: Uint8Array, value: Uint8Array): void;
  mapDelete(map: string, key: Uint8Array): void;
}

interface DeviceSet {
  /** 0: free. */
  readonly devices: bigint[];
  isCrowded: boolean;
}

/** Where a device belongs. */
export const setOf = (device: bigint): number =>
  Number((BigInt.asUintN(64, device * multiplier) >> 32n) % sets);

/** Devices are struct tap_device as a number. */
export class DeviceSets {
  private readonly filled = new Map<number, DeviceSet>();

  constructor(private readonly maps: DeviceMaps) {}

  select(device: bigint): void {
    const at = setOf(device);
    const set = this.filled.get(at) ?? { devices: new Array<bigint>(ways).fill(0n), isCrowded: false };
    this.filled.set(at, set);
    if (set.devices.includes(device)) return;
    const free = set.devices.indexOf(0n);
    if (free >= 0) {
      set.devices[free] = device;
    } else {
      this.maps.mapSet('crowded_devices', keyOf(device), new Uint8Array([1]));
      set.isCrowded = true;
    }
    this.write(at, set);
  }

  unselect(device: bigint): void {
    const at = setOf(device);
    const set = this.filled.get(at);
    if (set?.isCrowded) this.maps.mapDelete('crowded_devices', keyOf(device));
    const way = set?.devices.indexOf(device) ?? -1;
    if (!set || way < 0) return;
    set.devices[way] = 0n;
    this.write(at, set);
  }

  private write(at: number, { devices, isCrowded }: DeviceSet): void {
    const value = new DataView(new ArrayBuffer(tapDeviceSetBytes));
    for (const [way, device] of devices.entries())
      value.setBigUint64(tapDeviceSet.devices + 8 * way, device, true);
    value.setBigUint64(tapDeviceSet.isCrowded, BigInt(isCrowded), true);
    this.maps.mapSet(
      'device_sets',
      new Uint8Array(new Uint32Array([at]).buffer),
      new Uint8Array(value.buffer),
    );
  }
}

function keyOf(device: bigint): Uint8Array {
  return new Uint8Array(new BigUint64Array([device]).buffer);
}
