/** What happens with a filter where the kernel does not decide, and what `-d` shows. Where it decides: filter-stages.test.ts. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { probeFeatures } from '../../src/attach/features.js';
import { type RungRefused, refusalBlock } from '../../src/attach/refusal.js';
import { openSession } from '../../src/attach/session.js';
import { Assembler, bpf } from '../../src/filter/ebpf.js';
import { beginBody } from '../../src/filter/translate.js';
import { nativeBinding } from '../../src/native/binding.js';
import { expandStages } from '../../src/stages/lookup.js';
import { possibleCpus } from '../../src/system/kernel.js';
import { filterPlaces } from '../../src/trace/filter-place.js';
import { runTaptrace, runToEnd } from '../support/cli.js';
import { Tracer } from '../support/tracer.js';
import { ping, udp } from '../support/traffic.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';

const skip = cannotRunLive(['tcpdump']) ?? false;

let world: World;
before(async () => {
  if (!skip) world = await createWorld();
});
after(() => world?.close());

describe('a filter that cannot decide in the kernel', { skip }, () => {
  it('one that loops decides there all the same', async () => {
    const tracer = await Tracer.start([
      '--netns',
      world.a.netns.name,
      '--stages',
      'taps',
      'ip6 protochain 17',
    ]);
    await udp(world.a, world.b.ipv6, 100, 5);
    const { header, events, stderr } = await tracer.stop();
    assert.equal(header.filterRuns, 'kernel', stderr);
    assert.equal(events.filter(({ stage }) => stage === 'tx-tap').length, 5);
  });

  it('one that the verifier refuses is left out of the program: a line says why, and --debug what the verifier said', () => {
    const out = new Assembler();
    beginBody(out);
    // Nobody has written this register.
    out.load(bpf.dw, 0, 9, 0);
    out.exit();
    const native = nativeBinding();
    const { stages } = expandStages(['tx-tap']);
    const refused: RungRefused[] = [];
    const { session, plan } = openSession(
      native,
      {
        ...{ stages, arm: false, observeOnly: true, mechanisms: new Map(), selectDevices: false },
        netnsInum: world.a.netns.inode,
      },
      probeFeatures(native, stages),
      {
        ...{ ringBytes: 4096, cpus: possibleCpus(), snaplen: 64, stacks: false },
        kernelFilter: { body: out.bytes(), constants: { has_filter: 1 } },
      },
      (one) => refused.push(one),
    );
    session.close();
    assert.match(session.unfiltered.get('tx-tap') ?? '', /^the verifier refuses it: R9 !read_ok \(EACCES\)$/);
    assert.match(
      filterPlaces(plan, session.unfiltered).notes.join('\n'),
      /^the filter runs in user space everywhere: .*$/,
    );
    assert.equal(refused.length, 1);
    assert.match(
      refusalBlock(refused[0]!),
      /^--- tx-tap by .* with the filter in it: load .*\n.*R9 !read_ok/s,
    );
  });

  it('one that asks for a link header is told where there is none', async () => {
    const tracer = await Tracer.start([
      '--netns',
      world.a.netns.name,
      '--stages',
      'tx-tap,nf-output',
      'ether multicast',
    ]);
    await ping(world.a, world.b.ipv4, 1, 56);
    const { events, stderr } = await tracer.stop();
    assert.match(stderr, /^taptrace: not decidable at nf-output: /m);
    assert.match(stderr, /could not be decided by the filter/);
    assert.deepEqual(
      events.filter(({ stage }) => stage === 'nf-output'),
      [],
    );
  });
});

describe('-d prints the compiled program', { skip }, () => {
  it('as tcpdump does, and attaches nothing', async () => {
    for (const expression of ['tcp port 443 and host 192.0.2.1', 'udp[4:2] > 100', '']) {
      const ours = await runTaptrace(['-d', expression]);
      const theirs = await runToEnd(['tcpdump', '-i', 'lo', '-d', expression]);
      assert.equal(ours.stdout, theirs.stdout);
      assert.equal(ours.exit.code, 0);
      assert.equal(ours.stderr, '');
    }
  });
});
