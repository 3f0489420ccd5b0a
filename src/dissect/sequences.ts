/**
 * Relative TCP sequence numbers, counted as tcpdump counts them: the first segment with ACK that is seen of
 * a connection shows its own numbers, later ones show the distance from it; a SYN starts anew. One entry
 * serves both directions. tcpdump keeps every connection for ever; here the least recently used one goes.
 */
import { i32 } from './bytes.js';

/** Two addresses of up to four words, both ports, the address length: one layout for both families. */
const KEY_WORDS = 10;
const NONE = -1;
const DEFAULT_CONNECTIONS = 8192;

/** Remembers a bounded number of connections. Results of `track` are left in the public fields. */
export class SequenceTracker {
  /** Sequence number to show. */
  seq = 0;
  /** Acknowledgement number to show. */
  ack = 0;
  /** What to subtract from the edges of SACK blocks, which count in the other direction's numbers. */
  sackBase = 0;

  readonly #capacity: number;
  readonly #mask: number;
  readonly #buckets: Int32Array;
  readonly #nextInBucket: Int32Array;
  readonly #bucketOf: Int32Array;
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  readonly #keys: Int32Array;
  /** Base sequence number of the lower-port side, and of the other one. */
  readonly #base: Uint32Array;
  readonly #key = new Int32Array(KEY_WORDS);
  #size = 0;
  #newest = NONE;
  #oldest = NONE;

  constructor(connections: number = DEFAULT_CONNECTIONS) {
    if (!Number.isInteger(connections) || connections < 1)
      throw new RangeError('connections must be at least 1');
    const buckets = 2 ** Math.ceil(Math.log2(Math.max(connections, 2)));
    this.#capacity = connections;
    this.#mask = buckets - 1;
    this.#buckets = new Int32Array(buckets).fill(NONE);
    this.#nextInBucket = new Int32Array(connections);
    this.#bucketOf = new Int32Array(connections);
    this.#newer = new Int32Array(connections);
    this.#older = new Int32Array(connections);
    this.#keys = new Int32Array(connections * KEY_WORDS);
    this.#base = new Uint32Array(connections * 2);
  }

  /** Connections remembered now. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes a segment with ACK and sets `seq`, `ack` and `sackBase`.
   *
   * @param addressAt where the source address is; the destination address follows it
   * @param addressLen 4 or 16
   */
  track(
    bytes: Uint8Array,
    addressAt: number,
    addressLen: number,
    sourcePort: number,
    destinationPort: number,
    syn: boolean,
    seq: number,
    ack: number,
  ): void {
    const reversed = this.#setKey(bytes, addressAt, addressLen, sourcePort, destinationPort);
    const bucket = this.#hash() & this.#mask;
    let entry = this.#find(bucket);
    const known = entry !== NONE;
    if (known) this.#unlinkByAge(entry);
    else entry = this.#take(bucket);
    this.#linkAsNewest(entry);
    const own = entry * 2 + (reversed ? 1 : 0);
    const other = entry * 2 + (reversed ? 0 : 1);
    if (known && !syn) {
      this.seq = (seq - this.#base[own]!) >>> 0;
      this.ack = (ack - this.#base[other]!) >>> 0;
    } else {
      this.#base[own] = seq;
      this.#base[other] = ack - 1;
      this.seq = seq;
      this.ack = ack;
    }
    this.sackBase = this.#base[other]!;
  }

  /** Orders the ends by port, then by address, so that both directions give one key. */
  #setKey(
    bytes: Uint8Array,
    addressAt: number,
    addressLen: number,
    source: number,
    destination: number,
  ): boolean {
    const otherAt = addressAt + addressLen;
    let reversed = source > destination;
    if (source === destination) reversed = compare(bytes, addressAt, otherAt, addressLen) > 0;
    const first = reversed ? otherAt : addressAt;
    const second = reversed ? addressAt : otherAt;
    const key = this.#key;
    key.fill(0);
    for (let i = 0; i < addressLen; i += 4) {
      key[i >> 2] = i32(bytes, first + i);
      key[4 + (i >> 2)] = i32(bytes, second + i);
    }
    key[8] = reversed ? (destination << 16) | source : (source << 16) | destination;
    key[9] = addressLen;
    return reversed;
  }

  #hash(): number {
    const key = this.#key;
    let hash = key[8]!;
    for (let i = 0; i < 8; i++) hash = Math.imul(hash ^ key[i]!, 0x9e3779b1) ^ (hash >>> 15);
    return hash ^ (hash >>> 13);
  }

  #find(bucket: number): number {
    let entry = this.#buckets[bucket]!;
    while (entry !== NONE && !this.#matches(entry)) entry = this.#nextInBucket[entry]!;
    return entry;
  }

  #matches(entry: number): boolean {
    const keys = this.#keys;
    const key = this.#key;
    const at = entry * KEY_WORDS;
    for (let i = 0; i < KEY_WORDS; i++) if (keys[at + i] !== key[i]) return false;
    return true;
  }

  /** A fresh entry for the current key, the oldest one reused when all are taken. */
  #take(bucket: number): number {
    let entry = this.#size;
    if (entry < this.#capacity) this.#size++;
    else {
      entry = this.#oldest;
      this.#unlinkByAge(entry);
      this.#unlinkFromBucket(entry);
    }
    this.#keys.set(this.#key, entry * KEY_WORDS);
    this.#bucketOf[entry] = bucket;
    this.#nextInBucket[entry] = this.#buckets[bucket]!;
    this.#buckets[bucket] = entry;
    return entry;
  }

  #unlinkFromBucket(entry: number): void {
    const bucket = this.#bucketOf[entry]!;
    const next = this.#nextInBucket[entry]!;
    let before = this.#buckets[bucket]!;
    if (before === entry) {
      this.#buckets[bucket] = next;
      return;
    }
    while (this.#nextInBucket[before] !== entry) before = this.#nextInBucket[before]!;
    this.#nextInBucket[before] = next;
  }

  #linkAsNewest(entry: number): void {
    this.#older[entry] = this.#newest;
    this.#newer[entry] = NONE;
    if (this.#newest === NONE) this.#oldest = entry;
    else this.#newer[this.#newest] = entry;
    this.#newest = entry;
  }

  #unlinkByAge(entry: number): void {
    const newer = this.#newer[entry]!;
    const older = this.#older[entry]!;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
  }
}

function compare(bytes: Uint8Array, a: number, b: number, len: number): number {
  for (let i = 0; i < len; i++) {
    const difference = bytes[a + i]! - bytes[b + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
