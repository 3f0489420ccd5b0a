/**
 * The measured order of the kernel's path, for one UDP datagram: over a veth pair and over the loopback device, seen
 * passively and with the taps armed. Nobody listens, so it ends with NO_SOCKET.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Followed, following, type JourneyLine } from '../../support/following.js';
import { sendUdp } from '../../support/scenario.js';
import { chainOf, type Topology } from '../../support/topology.js';
import { cannotRunLive } from '../../support/world.js';

const skip = cannotRunLive() ?? false;

const OUT = ['nf-output', 'nf-postrouting', 'tc-egress', 'dev-queue'];
const TAP_OUT = { passive: ['tx-tap', 'start-xmit'], armed: ['tx-tap', 'consume', 'start-xmit'] };
/** The driver of a virtual device hands over to the backlog, which runs when the driver has returned. */
const HANDOVER = ['netif-rx', 'xmit-done'];
const IN = ['rx-tap', 'tc-ingress', 'nf-prerouting', 'nf-input', 'drop'];

/** Several brackets of one hook are one stage. */
function stagesOf({ events }: JourneyLine): string[] {
  const stages = events.map(({ stage }) => stage);
  return stages.filter((stage, index) => stage !== stages[index - 1]);
}

describe('one datagram, event by event', { skip }, () => {
  let topology: Topology;
  before(async () => {
    topology = await chainOf('ab');
  });
  after(() => topology?.close());

  for (const mode of ['passive', 'armed'] as const)
    for (const way of ['veth', 'loopback'] as const)
      describe(`${way}, ${mode}`, () => {
        let followed: Followed;
        before(async () => {
          const args = mode === 'armed' ? ['--arm'] : [];
          const to = topology.end(way === 'veth' ? 'ba' : 'ab').ipv4;
          const send = () => sendUdp(topology.end('ab'), to, 1001, 1);
          followed = await following(topology.hosts, { filter: 'udp port 1001', args }, send);
        });

        it('is one journey', () => {
          assert.equal(followed.journeys.length, 1);
          assert.equal(followed.summary.journeys.guessed, 0);
        });
        it('has the measured order', () => {
          const whole = [...OUT, ...TAP_OUT[mode], ...HANDOVER, ...IN];
          assert.deepEqual(stagesOf(followed.journeys[0]!), whole);
        });
        it('passes from one device to the other where the driver hands it over', () => {
          const receiver = way === 'veth' ? 'ba' : 'lo';
          const sender = way === 'veth' ? 'ab' : 'lo';
          const { events } = followed.journeys[0]!;
          const deviceAt = (stage: string) => events.find((event) => event.stage === stage)?.ifname;
          const expected = { 'dev-queue': sender, 'tx-tap': sender, 'start-xmit': sender };
          const later = { 'netif-rx': receiver, 'rx-tap': receiver, drop: receiver };
          for (const [stage, device] of Object.entries({ ...expected, ...later }))
            assert.equal(deviceAt(stage), device, stage);
        });
        it('ends where nobody listens', () => {
          const { end } = followed.journeys[0]!;
          assert.deepEqual([end.closed, end.stage, end.reason], ['ended', 'drop', 'NO_SOCKET']);
        });
      });
});
