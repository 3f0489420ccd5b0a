/**
 * PACKET_QDISC_BYPASS: frames that a packet socket hands to the driver itself. tcpdump on the sending device is shown
 * none of them, on the other end all; `path` says why, and says it of no other packet.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { toHex } from '../../support/bytes.js';
import { type Followed, following } from '../../support/following.js';
import { ETHERTYPE, ethernetFrame, ipv4Udp } from '../../support/frames.js';
import { CountingTcpdump } from '../../support/oracles/tcpdump-count.js';
import { chainOf, type Topology } from '../../support/topology.js';
import { cannotRunLive, toolPath } from '../../support/world.js';

const skip = cannotRunLive(['tcpdump']) ?? false;
const PORT = { past: 1101, through: 1102 };
const PACKETS = { past: 7, through: 5 };

describe('past queue and taps', { skip }, () => {
  let topology: Topology;
  let followed: Followed;
  /** What tcpdump was shown of those that go past and of those that do not, on either end. */
  const shown = { past: [] as number[], through: [] as number[] };

  async function send(way: 'past' | 'through'): Promise<void> {
    const [from, to] = [topology.end('ab'), topology.end('ba')];
    const flow = { src: from.ipv4, dst: to.ipv4, sport: 1100, dport: PORT[way] };
    const packet = ipv4Udp(flow, new TextEncoder().encode('around'));
    const frame = ethernetFrame({ from: from.mac, to: to.mac }, ETHERTYPE.ipv4, packet);
    const how = way === 'past' ? ['--bypass'] : [];
    const command = [toolPath('send_frames'), from.device, '--repeat', `${PACKETS[way]}`, ...how];
    const filter = `udp port ${PORT[way]}`;
    const taps = [
      await CountingTcpdump.start(from, 'outbound', filter),
      await CountingTcpdump.start(to, 'inbound', filter),
    ];
    await from.send(command, { input: `${toHex(frame)}\n` });
    for (const [at, tap] of taps.entries()) shown[way][at] = await tap.stop();
  }

  before(async () => {
    topology = await chainOf('ab');
    followed = await following(topology.hosts, { filter: 'udp portrange 1101-1102' }, async () => {
      await send('past');
      await send('through');
    });
  });
  after(() => topology?.close());

  it('tcpdump on the sending device is shown nothing of it', () => {
    assert.deepEqual(shown, { past: [0, PACKETS.past], through: [PACKETS.through, PACKETS.through] });
  });

  for (const chosen of [
    ['-i', 'ba'],
    ['-Q', 'in'],
  ])
    it(`says it of none whose way is shown from the receiver on: ${chosen.join(' ')}`, async () => {
      const filter = `udp port ${PORT.through}`;
      const { journeys } = await following(topology.hosts, { filter, args: chosen }, () => send('through'));
      assert.equal(journeys.length, PACKETS.through);
      for (const { events, truths } of journeys) {
        assert.equal(events[0]!.stage, 'netif-rx');
        assert.ok(!truths.some(({ id }) => id === 'bypassed-tx-tap'), JSON.stringify(truths));
      }
    });

  it('path says so of each of them, and of no other', () => {
    const told = followed.journeys.map(({ events, truths }) => {
      const { text } = truths.find(({ id }) => id === 'bypassed-tx-tap') ?? {};
      return [
        events[0]!.dport === PORT.past,
        /handed it to the driver of ab\S* past queue and taps/.test(text ?? ''),
      ];
    });
    assert.equal(told.length, PACKETS.past + PACKETS.through);
    assert.ok(
      told.every(([isPast, isSaid]) => isPast === isSaid),
      JSON.stringify(told),
    );
  });
});
