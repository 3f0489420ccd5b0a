/**
 * The body of filter_match(), which every program calls, can be replaced before load: by one that refuses
 * everything, by one longer than what it replaces, and not by one that the verifier refuses.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { type KernelFeatures, probeFeatures } from '../../src/attach/features.js';
import { makePlan, type PlanRequest } from '../../src/attach/plan.js';
import { openSession, type TapSession } from '../../src/attach/session.js';
import { tapFilterView } from '../../src/decode/layout.generated.js';
import { Batch, RecordView } from '../../src/decode/record.js';
import { Assembler, bpf } from '../../src/filter/ebpf.js';
import { beginBody } from '../../src/filter/translate.js';
import { isNativeError, nativeBinding, packagePath } from '../../src/native/binding.js';
import { expandStages } from '../../src/stages/lookup.js';
import { possibleCpus } from '../../src/system/kernel.js';
import { createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { bpfResidue, residueSince } from '../support/residue.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['bpftool']) ?? false;
const PACKETS = 300;
/** ARPHRD_ETHER */
const ETHERNET = 1;
const WANTED_PAYLOAD_BYTES = 100;
const OTHER_PAYLOAD_BYTES = 64;
/** Ethernet, IPv4 and UDP headers. */
const HEADER_BYTES = 14 + 20 + 8;
/** More than the stub has. */
const LONG_BODY_INSTRUCTIONS = 40;

interface Variant {
  readonly name: string;
  readonly stages: string;
  readonly arm: boolean;
  /** The build for kernels without the functions that read packets. */
  readonly oldKernel?: boolean;
}

const variants: readonly Variant[] = [
  { name: 'tracepoints', stages: 'rx-tap,tx-tap,start-xmit', arm: false },
  {
    name: 'tracepoints, read by probe reads',
    stages: 'rx-tap,tx-tap,start-xmit',
    arm: false,
    oldKernel: true,
  },
  { name: 'packet sockets', stages: 'taps', arm: true },
];

const native = nativeBinding;
let world: QuietWorld;
before(async () => {
  if (!skip) world = await createQuietWorld();
});
after(() => world?.close());

function requestOf({ stages, arm }: Variant): PlanRequest {
  const { stages: rows } = expandStages([stages]);
  return {
    ...{ stages: rows, arm, observeOnly: false, mechanisms: new Map(), selectDevices: false },
    netnsInum: world.a.netns.inode,
  };
}

function featuresOf({ stages, oldKernel }: Variant): KernelFeatures {
  const features = probeFeatures(native(), expandStages([stages]).stages);
  const none = { bpf_dynptr_from_skb: false, bpf_rdonly_cast: false, bpf_cast_to_kern_ctx: false };
  return oldKernel ? { ...features, kfuncs: none } : features;
}

interface Outcome {
  readonly filtered: number;
  readonly matched: number;
  readonly seen: number;
  /** Packet lengths of the records. */
  readonly lengths: readonly number[];
}

function recordLengths(session: TapSession): number[] {
  const batch = new Batch(new Uint8Array(1 << 20));
  const record = new RecordView();
  const lengths: number[] = [];
  for (let ring = 0; ring < possibleCpus(); ring += 1) {
    const bytes = session.native.drain(ring, batch.u8, 0, new Uint32Array(1));
    for (let at = 0; at < bytes; at += record.recordLen) lengths.push(record.at(batch, at).len);
  }
  return lengths;
}

/** Traces end a with this filter while both kinds of packets leave it. */
async function traceWith(filter: Uint8Array, variant: Variant): Promise<Outcome> {
  const settings = { ringBytes: 1 << 20, cpus: possibleCpus(), snaplen: 64, stacks: false };
  const withFilter = { ...settings, kernelFilter: { body: filter, constants: { has_filter: 1 } } };
  const { session, plan } = openSession(native(), requestOf(variant), featuresOf(variant), withFilter);
  try {
    const { name, inode } = world.a.netns;
    const ifindex = Number(await world.a.run(['cat', `/sys/class/net/${world.a.device}/ifindex`]));
    if (variant.arm) session.arm({ inum: inode, path: `/run/netns/${name}` }, { ifindex, type: ETHERNET });
    for (const bytes of [WANTED_PAYLOAD_BYTES, OTHER_PAYLOAD_BYTES])
      await flood(world, PACKETS, 20_000, bytes);
    session.detachAll();
    const counts = plan.attachments.map((attachment) => session.counts(attachment));
    const sum = (field: 'filtered' | 'matched' | 'undecided') =>
      counts.reduce((total, count) => total + count[field], 0);
    const [filtered, matched] = [sum('filtered'), sum('matched')];
    const seen = filtered + matched + sum('undecided');
    return { seen, filtered, matched, lengths: recordLengths(session) };
  } finally {
    session.close();
  }
}

function bodyOf(write: (out: Assembler) => void): Uint8Array {
  const out = new Assembler();
  beginBody(out);
  write(out);
  out.exit();
  return out.bytes();
}

const nothing = bodyOf((out) => out.alu64(bpf.mov, 0, 0));

/** Wants packets of exactly this length, after a while of doing nothing. */
function onlyLength(lenBytes: number): Uint8Array {
  return bodyOf((out) => {
    const wanted = out.label();
    while (out.length < LONG_BODY_INSTRUCTIONS) out.alu64(bpf.mov, 3, out.length);
    out.load(bpf.w, 2, 2, tapFilterView.len);
    out.alu64(bpf.mov, 0, 1);
    out.jump(bpf.jmp, bpf.jeq, 2, lenBytes, wanted);
    out.alu64(bpf.mov, 0, 0);
    out.place(wanted);
    out.resolve(wanted);
  });
}

for (const variant of variants) {
  describe(`filter_match() replaced: ${variant.name}`, { skip }, () => {
    /** Of the stages, those that the packets of end a pass. */
    const stages = variant.stages.includes('start-xmit') ? 2 : 1;

    it('by one that wants nothing: everything is filtered, nothing comes out', async () => {
      const { seen, filtered, matched, lengths } = await traceWith(nothing, variant);
      assert.deepEqual(
        { seen, filtered, matched },
        { seen: 2 * PACKETS * stages, filtered: seen, matched: 0 },
      );
      assert.deepEqual(lengths, []);
    });

    it('by a longer one that wants one length: those packets come out', async () => {
      const wanted = HEADER_BYTES + WANTED_PAYLOAD_BYTES;
      const { filtered, matched, lengths } = await traceWith(onlyLength(wanted), variant);
      assert.deepEqual({ filtered, matched }, { filtered: PACKETS * stages, matched: PACKETS * stages });
      assert.deepEqual(lengths, new Array(PACKETS * stages).fill(wanted));
    });
  });
}

describe('filter_match() replaced by what the verifier refuses', { skip }, () => {
  it('says what it said, and leaves nothing', async () => {
    const before = bpfResidue([]);
    const variant = variants[0]!;
    const plan = makePlan(requestOf(variant), featuresOf(variant));
    const session = new (native().Session)({
      ringBytes: 4096,
      rings: possibleCpus(),
      mapEntries: { counters: plan.attachments.length },
    });
    const { program, target } = plan.attachments[0]!;
    const object = readFileSync(packagePath(`dist/bpf/${program!.object}.bpf.o`));
    const spec = { object, program: program!.name, constants: program!.constants, target };
    assert.throws(
      () =>
        session.load({
          ...spec,
          constants: { ...program!.constants, has_filter: 1 },
          filter: bodyOf((out) => out.load(bpf.dw, 0, 9, 0)),
        }),
      (error: unknown) => {
        assert.ok(isNativeError(error));
        assert.match(error.message, /^load BPF program \w+: \w/);
        assert.equal(error.code, 'EACCES');
        assert.match(error.log ?? '', /R9 !read_ok/);
        return true;
      },
    );
    // The session can still be used, and its own body is in place again.
    session.load(spec);
    session.close();
    assert.deepEqual(await residueSince(before, []), []);
  });
});
