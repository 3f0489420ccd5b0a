/** Records as a compressed recording holds them. */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';

/** The trace waits for it: the fastest there is. */
const level = constants.Z_BEST_SPEED;

export function packed(records: Uint8Array): Uint8Array {
  return deflateRawSync(records, { level });
}

/** Undefined where they are damaged, or more than `bytesMax`. */
export function unpacked(records: Uint8Array, bytesMax: number): Uint8Array | undefined {
  try {
    return inflateRawSync(records, { maxOutputLength: bytesMax });
  } catch {
    return undefined;
  }
}
