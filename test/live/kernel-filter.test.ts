/** What happens with a filter where the kernel does not decide, and what `-d` shows. Where it decides: filter-stages.test.ts. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
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
  it('one that loops runs in user space, and says so', async () => {
    const tracer = await Tracer.start([
      '--netns',
      world.a.netns.name,
      '--stages',
      'taps',
      'ip6 protochain 17',
    ]);
    await udp(world.a, world.b.ipv6, 100, 5);
    const { header, events, stderr } = await tracer.stop();
    assert.equal(header.filterRuns, 'user');
    assert.match(stderr, /^taptrace: the filter runs in user space everywhere: it loops \(protochain\)$/m);
    assert.equal(events.filter(({ stage }) => stage === 'tx-tap').length, 5);
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
