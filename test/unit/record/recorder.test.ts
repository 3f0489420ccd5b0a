/** What the recorder asks, how often, and where it marks losses. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tapDelivery } from '../../../src/decode/layout.generated.js';
import type { RecordView } from '../../../src/decode/record.js';
import type { RuleTraces } from '../../../src/netfilter/rule-trace.js';
import { ChunkReader } from '../../../src/record/chunk-reader.js';
import { RecordingCopy } from '../../../src/record/copy.js';
import { InputFile } from '../../../src/record/input-file.js';
import { OutputFile } from '../../../src/record/output-file.js';
import { Recorder } from '../../../src/record/recorder.js';
import { Recording } from '../../../src/record/recording.js';
import { recordVersion } from '../../../src/record/schema.js';
import { stageById } from '../../../src/stages/lookup.js';
import type { AttachmentLoss } from '../../../src/trace/ledger.js';
import type { NameSource } from '../../../src/trace/names.js';
import { deliveryFilter } from '../../../src/trace/verdicts.js';
import { v618 } from '../attach/kernels.js';
import { headerOf } from '../render/header.js';
import { batchBytes, type RecordContent } from '../support/records.js';
import { replayed } from './replaying.js';

const directory = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
after(() => rmSync(directory, { recursive: true }));
const bootNs = 1_000_000_000n;

/** Answers everything, and keeps what it was asked. */
class Source implements NameSource {
  readonly asked: string[] = [];
  readonly devices = headerOf('taps', v618).devices;

  dropReason(value: number): string {
    this.asked.push(`reason ${value}`);
    return 'NO_SOCKET';
  }
  symbol(address: bigint): string {
    this.asked.push(`symbol ${address.toString(16)}`);
    return 'udp_rcv+0x1';
  }
  stack(stackId: number): readonly bigint[] {
    this.asked.push(`stack ${stackId}`);
    return [0xffffffff81000001n, 0xffffffff81000002n];
  }
  socketHolders() {
    return [];
  }
}

const record = (sequence: number): RecordContent => ({
  fields: {
    sequence,
    timeNs: bootNs + BigInt(sequence),
    location: 0xffffffff81000001n,
    reason: 3,
    stackId: 7,
  },
  has: ['location', 'reason', 'stack'],
});

async function kindsIn(path: string): Promise<string[]> {
  const reader = new ChunkReader(InputFile.open(path).stream);
  assert.ok(await reader.begins());
  const kinds: string[] = [];
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) kinds.push(chunk.kind);
  return kinds;
}

/** A recorder whose trace goes on whatever it is told. */
function connected(
  path: string,
  asked: { compress?: boolean } = {},
  losses: readonly AttachmentLoss[] = [],
): Recorder {
  const recorder = new Recorder(path, { version: '0.0.0', ...asked });
  recorder.connect({
    losses: () => [...losses],
    closed: () => assert.fail(),
    enough: () => assert.fail(),
    failed: (error) => assert.fail(error),
  });
  return recorder;
}

test('what is known already is not asked for again, and losses are marked before what came after them', async () => {
  const path = join(directory, 'r.taptrace');
  const source = new Source();
  const recorder = connected(path, {}, [{ attachId: 0, ring: 5, recursion: 0 }]);
  recorder.notice('before it begins');
  recorder.begin({ header: headerOf('taps', v618), clock: { bootNs, wallOffsetNs: 0n }, rings: 1, source });
  for (const sequences of [
    [1, 2],
    [3, 4],
    [10, 11],
  ]) {
    const bytes = batchBytes(sequences.map(record));
    assert.equal(recorder.batch(0, bytes), sequences[1]);
    recorder.round(sequences[1]!);
  }
  recorder.round(1000);
  assert.deepEqual(source.asked.sort(), [
    'reason 3',
    'stack 7',
    'symbol ffffffff81000001',
    'symbol ffffffff81000001',
    'symbol ffffffff81000002',
  ]);
  assert.deepEqual(await kindsIn(path), [
    ...['header', 'notice'],
    ...['records', 'names', 'round'],
    ...['records', 'round'],
    ...['records', 'loss', 'round'],
  ]);
  const { events, summary } = await replayed(path);
  assert.deepEqual([events.length, recorder.events], [6, 6]);
  assert.deepEqual([summary.broken?.how, summary.ledger.lost.ring], ['cut', 5]);
});

test('what nft told is replayed as it was, before the round that needs it', async () => {
  const path = join(directory, 'rules.taptrace');
  const recorder = connected(path);
  recorder.begin({
    header: headerOf('taps', v618),
    clock: { bootNs, wallOffsetNs: 0n },
    rings: 1,
    source: new Source(),
  });
  const bytes = batchBytes([record(1)]);
  recorder.batch(0, bytes);
  const common = {
    family: 'inet',
    table: 'filter',
    chain: 'in',
    id: 0xfac51f74,
    nfproto: 10,
    goesOut: false,
  } as const;
  const told: RuleTraces = {
    ...{ netnsInum: 4026531840, fromNs: 1_000_000_001, toNs: 4_503_599_627_370_497, lost: 3 },
    messages: [
      {
        ...{ ...common, kind: 'rule', handle: 4, verdict: 'jump tr', hook: 'input', text: 'udp jump tr' },
        network: Uint8Array.of(1, 2),
        transport: Uint8Array.of(3),
      },
      { ...common, kind: 'end' },
      { ...common, kind: 'policy', verdict: 'drop', goesOut: true },
    ],
  };
  recorder.ruleTraces(told);
  recorder.round(1);
  assert.deepEqual(await kindsIn(path), ['header', 'records', 'ruleTraces', 'names', 'round']);
  assert.deepEqual((await replayed(path)).rules, [told]);
});

/** What a recording of a few batches holds, in its file. */
function recorded(name: string, compress: boolean): string {
  const path = join(directory, name);
  const recorder = connected(path, { compress });
  const source = new Source();
  recorder.begin({ header: headerOf('taps', v618), clock: { bootNs, wallOffsetNs: 0n }, rings: 1, source });
  for (let batch = 0; batch < 20; batch += 1) {
    const bytes = batchBytes(Array.from({ length: 50 }, (_, index) => record(50 * batch + index + 1)));
    recorder.batch(0, bytes);
    recorder.round(50 * (batch + 1));
  }
  return path;
}

test('a compressed recording holds the same in a fraction of the bytes, and asks for the version that reads it', async () => {
  const [plain, small] = [recorded('plain.taptrace', false), recorded('small.taptrace', true)];
  const [was, is] = [await replayed(plain), await replayed(small)];
  assert.equal(was.events.length, 1000);
  assert.deepEqual(is.events, was.events);
  assert.deepEqual(is.summary.ledger, was.summary.ledger);
  assert.ok(statSync(small).size * 3 < statSync(plain).size, `${statSync(small).size} bytes`);
  const formats = await Promise.all(
    [plain, small].map(async (path) => (await Recording.open(path)).header.format),
  );
  assert.deepEqual(formats, [1, 2]);
  const copy = new OutputFile(join(directory, 'copy.taptrace'));
  await new RecordingCopy(await Recording.open(small), copy).run();
  assert.deepEqual(readFileSync(copy.path), readFileSync(small));
});

test('a byte that is wrong in a compressed recording is damage, and what lies before it is read', async () => {
  const path = recorded('flipped.taptrace', true);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
  const { events, summary } = await replayed(path);
  assert.equal(summary.broken?.how, 'damaged');
  assert.ok(events.length > 0 && events.length < 1000 && events.length % 50 === 0, `${events.length}`);
});

test('a packet socket is told of although its answer comes behind the record that names it', async () => {
  const recorder = connected(join(directory, 'd.taptrace'));
  const asked: string[] = [];
  const socketOf = (one: RecordView) => {
    const filterAddress = deliveryFilter(one);
    asked.push(`${one.socketInode} ${filterAddress.toString(16)}`);
    return { inode: one.socketInode, filterAddress, setup: undefined };
  };
  const header = headerOf('taps', v618);
  const clock = { bootNs, wallOffsetNs: 0n };
  recorder.begin({ header, clock, rings: 1, source: new Source(), sockets: { socketOf } });
  const skb = 0xffff888101234500n;
  const stage = stageById('delivery').number;
  const entry: RecordContent = {
    fields: { stage, skb, timeNs: bootNs + 1n, socketInode: 7n, sequence: 1 },
    has: ['skb', 'socketInode'],
  };
  const fields = { stage, skb, aux: (0xf1n << 8n) | BigInt(tapDelivery.taken), sequence: 2 };
  const answer: RecordContent = { fields, has: ['skb', 'aux'], is: ['amends'] };
  const bytes = batchBytes([entry, answer]);
  recorder.batch(0, bytes);
  recorder.round(2);
  assert.deepEqual(asked, ['7 f1']);
});

test('the version of records is that of bpf/event.h', () => {
  const said = /#define TAP_RECORD_VERSION (\d+)/.exec(readFileSync('bpf/event.h', 'utf8'))?.[1];
  assert.equal(recordVersion, Number(said));
});
