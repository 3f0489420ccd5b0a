/** How much a packet socket took, by its filter and its ring. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PacketRing, SocketSetup } from '../../../src/system/packet-diag.js';
import { SocketSetups } from '../../../src/trace/socket-setups.js';
import { SocketTakes } from '../../../src/trace/socket-takes.js';
import { type EventContent, tapEvent } from '../support/events.js';

const BPF = { loadHalf: 0x28, loadByte: 0x30, jumpEqual: 0x15, return: 0x06 } as const;
type Instruction = readonly [code: number, jt: number, jf: number, k: number];

function program(...instructions: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [at, [code, jt, jf, k]] of instructions.entries()) {
    bytes.writeUInt16LE(code, at * 8);
    bytes.set([jt, jf], at * 8 + 2);
    bytes.writeUInt32LE(k >>> 0, at * 8 + 4);
  }
  return bytes;
}

const returns = (bytes: number): Uint8Array => program([BPF.return, 0, 0, bytes]);
const wantsByte = (at: number, value: number): Uint8Array =>
  program(
    [BPF.loadByte, 0, 0, at],
    [BPF.jumpEqual, 0, 1, value],
    [BPF.return, 0, 0, 96],
    [BPF.return, 0, 0, 0],
  );

const raw = (filter?: Uint8Array, ring?: PacketRing): SocketSetup => ({
  ...{ kind: 'raw', showsFilter: true },
  ...(filter && { filter }),
  ...(ring && { ring }),
});

const taken = 1n;
const unknown = 0n;
const length = 1514;

interface Case {
  readonly setup?: SocketSetup;
  readonly answer?: bigint;
  /** 0: the socket has no filter. */
  readonly filterAddress?: bigint;
  readonly captured?: number;
  readonly fields?: EventContent['fields'];
}

function delivered({ setup, answer = taken, filterAddress = 0xf1n, captured = 60, fields }: Case) {
  const data = Uint8Array.from({ length: captured }, (_, at) => at);
  const aux = (filterAddress << 8n) | answer;
  const { record, packet } = tapEvent({
    ...{ stage: 'delivery', data, has: ['socketInode', 'aux'] },
    fields: { socketInode: 7n, aux, len: length, ...fields },
  });
  const source = new SocketSetups(() => (setup ? new Map([['7', setup]]) : undefined));
  return new SocketTakes(source).delivery(record, packet);
}

describe('bytes that a socket took', () => {
  it('are what its filter returns, and no more than the packet has', () => {
    assert.deepEqual(delivered({ setup: raw(returns(96)) }), { result: 'taken', takenBytes: 96 });
    assert.deepEqual(delivered({ setup: raw(returns(0x40000)) }), { result: 'taken', takenBytes: length });
  });
  it('are all where it has no filter', () =>
    assert.deepEqual(delivered({ setup: raw(), filterAddress: 0n }), {
      result: 'taken',
      takenBytes: length,
    }));
  it('are not known where the filter is eBPF, hidden, or not asked', () => {
    assert.deepEqual(delivered({ setup: raw() }), { result: 'taken' });
    assert.deepEqual(delivered({}), { result: 'taken' });
  });
  it('are not known where too little was captured to decide', () => {
    assert.deepEqual(delivered({ setup: raw(wantsByte(59, 59)) }), { result: 'taken', takenBytes: 96 });
    assert.deepEqual(delivered({ setup: raw(wantsByte(60, 60)) }), { result: 'taken' });
  });
  it('are not known where the filter reads what records do not have (SKF_AD_RANDOM)', () => {
    const random = program([BPF.loadHalf, 0, 0, -0x1000 + 56], [BPF.return, 0, 0, 96]);
    assert.deepEqual(delivered({ setup: raw(random) }), { result: 'taken' });
  });
  it('are not known where the filter refuses what was taken: it was another one', () =>
    assert.deepEqual(delivered({ setup: raw(returns(0)) }), { result: 'taken' }));
  it('of a socket without link header begin behind it', () => {
    const setup: SocketSetup = { ...raw(wantsByte(0, 14)), kind: 'dgram' };
    assert.deepEqual(delivered({ setup }), { result: 'taken', takenBytes: 96 });
    const whole: SocketSetup = { ...raw(), kind: 'dgram' };
    assert.equal(delivered({ setup: whole, filterAddress: 0n }).takenBytes, length - 14);
  });
});

describe('a ring cuts packets', () => {
  const ring = (changes: Partial<PacketRing> = {}): PacketRing => ({
    ...{ version: 1, reservedBytes: 0, hasVnetHeader: false, frameBytes: 256 },
    ...changes,
  });
  const inRing = (changes: Partial<PacketRing>, kind: 'raw' | 'dgram' = 'raw') =>
    delivered({ setup: { ...raw(undefined, ring(changes)), kind }, filterAddress: 0n }).takenBytes;

  // TPACKET_ALIGN(52 + 16) is 80: the network header's place; 96 for TPACKET_V3.
  it('at the end of its frames', () => {
    assert.equal(inRing({}), 256 - (80 - 14));
    assert.equal(inRing({ version: 2 }), 256 - (96 - 14));
    assert.equal(inRing({ reservedBytes: 4 }), 256 - (84 - 14));
    assert.equal(inRing({}, 'dgram'), 256 - 80);
  });
  it('not those that fit', () => assert.equal(inRing({ frameBytes: 2048 }), length));
  it('where it cannot be known if a virtio header is before them', () => {
    assert.equal(inRing({ hasVnetHeader: true }), undefined);
    assert.equal(inRing({ hasVnetHeader: true, frameBytes: 2048 }), length);
  });
});

describe('two CPUs at once', () => {
  it('a filter that refuses proves that the packet was refused', () =>
    assert.deepEqual(delivered({ setup: raw(returns(0)), answer: unknown }), { result: 'filtered' }));
  it('one that takes proves nothing: there may have been no room', () =>
    assert.deepEqual(delivered({ setup: raw(returns(96)), answer: unknown }), { result: 'unknown' }));
  it('what the counters said is not asked again', () => {
    assert.deepEqual(delivered({ setup: raw(returns(96)), answer: 2n }), { result: 'filtered' });
    assert.deepEqual(delivered({ setup: raw(returns(96)), answer: 3n }), { result: 'full' });
  });
});

describe('a socket is read again', () => {
  const setups = [raw(returns(96)), raw(returns(60))];
  let reads = 0;
  let now = 0;
  const source = new SocketSetups(
    () => {
      const setup = setups[reads];
      reads += 1;
      return new Map(setup ? [['7', setup]] : []);
    },
    () => now,
  );
  const takes = new SocketTakes(source);
  const bytes = (address: bigint) => {
    const { record, packet } = tapEvent({
      ...{ stage: 'delivery', data: new Uint8Array(60), has: ['socketInode', 'aux'] },
      fields: { socketInode: 7n, aux: (address << 8n) | taken, len: length },
    });
    return takes.delivery(record, packet).takenBytes;
  };

  it('when its filter is another one, and after a second; one that is closed stays what it was', () => {
    assert.deepEqual([bytes(1n), bytes(1n), reads], [96, 96, 1]);
    assert.deepEqual([bytes(2n), bytes(2n), reads], [60, 60, 2]);
    now = 1000;
    assert.deepEqual([bytes(2n), bytes(2n), reads], [60, 60, 3]);
    assert.deepEqual([bytes(3n), reads], [undefined, 4]);
  });
});

describe('an answer that came when its packet had been given out', () => {
  const source = new SocketSetups(() => new Map([['7', raw(returns(96))]]));
  const entry = (skb: bigint) =>
    tapEvent({
      ...{ stage: 'delivery', data: new Uint8Array(60), has: ['socketInode', 'skb'] },
      fields: { socketInode: 7n, len: length, skb },
    });
  const answer = (skb: bigint) =>
    tapEvent({
      ...{ stage: 'delivery', has: ['aux', 'skb'], is: ['amends'] },
      fields: { aux: (0xf1n << 8n) | taken, skb },
    });
  const give = (takes: SocketTakes, { record, packet }: ReturnType<typeof entry>) =>
    takes.delivery(record, packet);

  it('tells the bytes that were taken all the same', () => {
    const takes = new SocketTakes(source);
    assert.deepEqual(give(takes, entry(0x100n)), { result: undefined });
    assert.deepEqual(give(takes, entry(0x200n)), { result: undefined });
    assert.deepEqual(give(takes, answer(0x100n)), { result: 'taken', takenBytes: 96 });
    assert.deepEqual(give(takes, answer(0x100n)), { result: 'taken' });
  });
});
