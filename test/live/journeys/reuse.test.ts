/**
 * At full speed the kernel uses the same few sk_buffs again and again, microseconds apart. Every datagram carries its
 * number: no journey may have two, and every number has one journey, with every stage that it passed, in order.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { JourneyTask, JourneyVerdict } from '../../support/journey-program.js';
import { CountingTcpdump } from '../../support/oracles/tcpdump-count.js';
import { Child, patient } from '../../support/process.js';
import { createQuietWorld, flood, type QuietWorld } from '../../support/quiet.js';
import { cannotRunLive } from '../../support/world.js';

const skip = cannotRunLive(['tcpdump']) ?? false;
const PROGRAM = fileURLToPath(new URL('../../support/journey-program.js', import.meta.url));
const NUMBERS = 100_000;
/** What the rings hold of all stages, even while the consumer sleeps; inside a burst nothing slows the sender down. */
const BURST = 20_000;
/** Of a burst; the last ones linger until something comes after them. */
const ALMOST = 15_000;
const PAYLOAD_BYTES = 64;
const RING_BYTES = 512 * 1024 * 1024;
/** Not to be followed, forced to close, or guessed at: of all journeys. */
const DOUBTFUL_SHARE = 0.001;

type Task = Pick<JourneyTask, 'stages' | 'ringBytes'> & { readonly isLossy?: boolean };

/** Follows a flood from a to b, whose routing drops it. */
async function follow(world: QuietWorld, task: Task): Promise<JourneyVerdict> {
  const whole: JourneyTask = {
    ...task,
    netns: [world.a, world.b].map(({ netns: { name, inode } }) => ({ name, inode })),
    ...{ snaplen: 96, numbers: NUMBERS },
  };
  const child = new Child([process.execPath, '--expose-gc', PROGRAM, JSON.stringify(whole)]);
  await child.until(() => child.stdout.includes('attached'), 'attached programs', patient(60_000));
  // A consumer that stands still loses once, from one packet on, and not here and there.
  if (task.isLossy) process.kill(child.pid, 'SIGSTOP');
  for (let first = 0; first < NUMBERS; first += BURST) {
    await flood(world, BURST, 0, PAYLOAD_BYTES, first);
    if (!task.isLossy)
      await child.until(() => child.stdout.includes(`judged ${first + ALMOST}\n`), 'burst', patient(60_000));
  }
  if (task.isLossy) process.kill(child.pid, 'SIGCONT');
  const { code } = await child.stop('SIGINT', patient(60_000));
  assert.equal(code, 0, child.stderr);
  return JSON.parse(child.stdout.trim().split('\n').at(-1)!) as JourneyVerdict;
}

/** Asserts what holds with and without losses. */
function assertIdentity({ mixed, examples }: JourneyVerdict): void {
  assert.equal(mixed, 0, examples.join('\n'));
}

/** Asserts that few journeys are doubtful. */
function assertCertain({ counts }: JourneyVerdict): void {
  const { packets, guessed, open, closed } = counts;
  const forced = closed.limit + closed.idle + closed.replaced + closed.stopped;
  const most = packets * DOUBTFUL_SHARE;
  const told = JSON.stringify(counts);
  assert.ok(guessed <= most && open <= most && forced <= most, told);
}

/** Asserts that every number has its one journey, and that all journeys passed the same stages. */
function assertWhole(verdict: JourneyVerdict, shape: string): void {
  const { missing, repeated, lost, shapes } = verdict;
  assert.deepEqual(
    { missing, repeated, lost },
    { missing: 0, repeated: 0, lost: 0 },
    JSON.stringify(verdict),
  );
  assert.deepEqual(shapes, { [shape]: NUMBERS });
}

/** Two links at each hook: before everything, and behind everything. */
const twice = (stage: string): string => `${stage} ${stage}`;
const QUEUED = `${twice('nf-output@a')} ${twice('nf-postrouting@a')} tc-egress@a dev-queue@a`;
/** veth hands over to the peer's backlog, which runs when the driver has returned. */
const SENT = 'tx-tap@a start-xmit@a netif-rx@b xmit-done@a';
/** b has no address: its routing drops them. */
const RECEIVED = `rx-tap@b tc-ingress@b ${twice('nf-prerouting@b')} drop@b`;

describe('100,000 packets at full speed', { skip }, () => {
  let world: QuietWorld;
  before(async () => {
    world = await createQuietWorld();
  });
  after(() => world?.close());

  describe('every stage that can be watched passively', () => {
    let verdict: JourneyVerdict;
    before(async () => {
      verdict = await follow(world, { stages: ['all'], ringBytes: RING_BYTES });
    });
    it('no journey has the content of two packets', () => assertIdentity(verdict));
    it('every number has one journey, whole and in order', () =>
      assertWhole(verdict, `${QUEUED} ${SENT} ${RECEIVED}`));
    it('few journeys are guessed at, forced to close or left open', () => assertCertain(verdict));
    it('memory does not grow', () => {
      const { memoryEarlyKib, memoryLateKib } = verdict;
      assert.ok(memoryLateKib < memoryEarlyKib * 1.5, `${memoryEarlyKib} KiB, later ${memoryLateKib} KiB`);
    });
  });

  describe('with tcpdump at both ends, which clones each of them', () => {
    let verdict: JourneyVerdict;
    let tapped: number[];
    before(async () => {
      const taps = [
        await CountingTcpdump.start(world.a, 'outbound', 'udp'),
        await CountingTcpdump.start(world.b, 'inbound', 'udp'),
      ];
      verdict = await follow(world, { stages: ['all'], ringBytes: RING_BYTES });
      tapped = [await taps[0]!.stop(), await taps[1]!.stop()];
    });
    it('tcpdump was handed every packet', () => assert.deepEqual(tapped, [NUMBERS, NUMBERS]));
    it('no journey has the content of two packets', () => assertIdentity(verdict));
    it('every number has one journey, whole and in order', () =>
      assertWhole(verdict, `${QUEUED} consume@a ${SENT} ${RECEIVED}`));
    it('few journeys are guessed at, forced to close or left open', () => assertCertain(verdict));
  });

  describe('rings too small for them', () => {
    let verdict: JourneyVerdict;
    before(async () => {
      verdict = await follow(world, { stages: ['all'], ringBytes: 128 << 20, isLossy: true });
    });
    it('loses events, and says so', () => {
      assert.ok(verdict.lost > 0);
      assert.equal(verdict.complete, false);
    });
    it('no journey has the content of two packets', () => assertIdentity(verdict));
    it('whole journeys are whole, but where the losses begin and end', () => {
      const { missing, repeated, shapes } = verdict;
      const seen = NUMBERS - missing;
      const whole = shapes[`${QUEUED} ${SENT} ${RECEIVED}`] ?? 0;
      assert.ok(seen > 0 && whole >= seen * (1 - DOUBTFUL_SHARE), JSON.stringify(shapes));
      assert.ok(repeated <= seen * DOUBTFUL_SHARE, `${repeated} numbers have more than one journey`);
    });
  });
});
