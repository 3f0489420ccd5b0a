/**
 * Generic XDP runs between the entry of `__netif_receive_skb_core` and its tap lists: what it drops, no tap
 * sees. --arm watches inside the tap and has to agree with tcpdump; without it we look in before XDP.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { firstDifference, withoutUpkeep } from '../support/compare.js';
import { CORPUS, udpToPort } from '../support/corpus.js';
import { vethScene } from '../support/session.js';
import {
  assertAgree,
  assertHonest,
  type Mode,
  modeName,
  type TracedSession,
  traceSession,
} from '../support/traced.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';
import { attachGenericXdp, detachGenericXdp, XDP_DROPPED_PORT, type XdpProgram } from '../support/xdp.js';

const skip = cannotRunLive(['tcpdump', 'iperf3']) ?? false;
const PASSIVE: Mode = { arm: false, snaplen: 96 };
const ARMED: Mode = { arm: true, snaplen: 96 };

const dropped = udpToPort('UDP to the port that is dropped', XDP_DROPPED_PORT, 100);
const untouched = [
  ...CORPUS.filter(({ name }) => /^ICMP$|^TCP with offloads|VLAN|runts/.test(name)),
  udpToPort('UDP to another port', XDP_DROPPED_PORT + 1, 100),
];

let world: World;
before(async () => {
  if (!skip) world = await createWorld();
});
after(() => world?.close());

/** One session with a program on end b; `more` adds what is special about it. */
function describeProgram(
  program: XdpProgram,
  mode: Mode,
  more: (session: () => TracedSession) => void,
): void {
  describe(`generic XDP, program "${program}", ${modeName(mode)}`, { skip }, () => {
    let session: TracedSession;
    before(async () => {
      await attachGenericXdp(world.b, program);
      const tracing = traceSession(vethScene(world), [...untouched, dropped], mode);
      session = await tracing.finally(() => detachGenericXdp(world.b));
    });
    for (const traffic of untouched) it(traffic.name, () => assertAgree(session, traffic));
    it('ends complete, and calls each event what it is', () => assertHonest(session, mode));
    more(() => session);
  });
}

describeProgram('pass', PASSIVE, (session) => {
  it(dropped.name, () => assertAgree(session(), dropped));
  it('says in the header of the end that has it that it looks in before the program', () => {
    const [a, b] = session().candidate.traces.map(({ header }) => header);
    assert.deepEqual(a?.notes, []);
    assert.match(
      b?.notes.join('\n') ?? '',
      /^vb@\S+ has a generic XDP program: rx-tap events are from before/,
    );
    assert.deepEqual(
      [a, b].map((header) => header?.interfaces[0]?.genericXdp),
      [false, true],
    );
  });
});

describeProgram('drop', ARMED, (session) => {
  it(dropped.name, () => assertAgree(session(), dropped));
  it('needs no warning in the header', () => {
    assert.deepEqual(
      session().candidate.traces.flatMap(({ header }) => header.notes),
      [],
    );
  });
  it('no tap received what was dropped', () => {
    const received = session().packets(session().oracle, 'vb rx', dropped.name);
    assert.deepEqual(withoutUpkeep(received), []);
  });
});

describeProgram('drop', PASSIVE, (session) => {
  it('shows what is about to be dropped', () => {
    const sent = withoutUpkeep(session().packets(session().oracle, 'va tx', dropped.name));
    const received = session().packets(session().candidate, 'vb rx', dropped.name);
    assert.equal(sent.length, 100);
    assert.equal(firstDifference(sent, withoutUpkeep(received)), undefined);
  });
});
