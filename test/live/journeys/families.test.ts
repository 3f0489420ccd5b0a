/** Packets that are made of packets, and packets that fork: fragments, segments, copies, tunnels. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Followed, following, type JourneyEvent, type JourneyLine } from '../../support/following.js';
import { toolPath } from '../../support/host.js';
import { deviceCounts } from '../../support/oracles/devices.js';
import { loadNft } from '../../support/oracles/nft.js';
import { netstat, snmp } from '../../support/oracles/proc.js';
import { sendUdp } from '../../support/scenario.js';
import { bridgeOf, chainOf, type Topology, UNKNOWN } from '../../support/topology.js';
import { iperf, withFeatures } from '../../support/traffic.js';
import { cannotRunLive, type End } from '../../support/world.js';

const skip = cannotRunLive(['nft', 'iperf3', 'ethtool']) ?? false;

const isAt = (journey: JourneyLine, stage: string, device: string): boolean =>
  journey.events.some((event) => event.stage === stage && event.ifname === device);

const at = ({ journeys }: Followed, stage: string, device: string): JourneyLine[] =>
  journeys.filter((journey) => isAt(journey, stage, device));

/** Journeys that relations join, as lists of packets. */
function families({ journeys }: Followed): JourneyLine[][] {
  const familyOf = new Map(journeys.map((journey) => [journey.packet, new Set([journey])]));
  for (const { packet, children } of journeys)
    for (const child of children) {
      const [own, other] = [familyOf.get(packet)!, familyOf.get(child.packet)];
      if (!other || own === other) continue;
      for (const member of other) familyOf.set(member.packet, own.add(member));
    }
  return [...new Set(familyOf.values())].map((family) => [...family]);
}

const dropsOf = ({ journeys }: Followed): string[] =>
  journeys
    .flatMap(({ events }) => events.filter(({ stage }) => stage === 'drop'))
    .map(({ reason }) => reason!);

/** What counters counted during `use`. */
async function during<Name extends string>(
  counters: Readonly<Record<Name, () => Promise<number>>>,
  use: () => Promise<void>,
): Promise<Record<Name, number>> {
  const names = Object.keys(counters) as Name[];
  const read = () => Promise.all(names.map((name) => counters[name]()));
  const start = await read();
  await use();
  const end = await read();
  return Object.fromEntries(names.map((name, index) => [name, end[index]! - start[index]!])) as Record<
    Name,
    number
  >;
}

const MSS = 1448;

/** What a TCP packet carries, by its summary. */
const tcpBytes = ({ summary = '' }: JourneyEvent): number => Number(/, length (\d+)/.exec(summary)?.[1] ?? 0);

/** For how many segments a packet stands, as TCPOrigDataSent counts: a FIN without data is one, too. */
function tcpSegments(event: JourneyEvent): number {
  const isFin = /Flags \[[^\]]*F/.test(event.summary ?? '');
  return Math.max(Math.ceil(tcpBytes(event) / MSS), isFin ? 1 : 0);
}

/** A test group with a topology of its own and one run of path. */
function describeFamily(
  name: string,
  make: () => Promise<Topology>,
  tests: (topology: () => Topology) => void,
): void {
  describe(name, { skip }, () => {
    let topology: Topology;
    before(async () => {
      topology = await make();
    });
    after(() => topology?.close());
    tests(() => topology);
  });
}

async function sendLarge(from: End, to: string, count: number): Promise<void> {
  await from.send([toolPath('udp_flood'), '--to', to, '--size', '4000', '--count', String(count)]);
}

const DATAGRAMS = 3;
const TRACKED =
  'table ip track { chain pre { type filter hook prerouting priority 0; ct state new accept; }; }\n';

for (const by of ['the receiver alone', 'conntrack on the router, too'])
  describeFamily(
    `fragments, put together by ${by}`,
    () => chainOf('arb'),
    (topology) => {
      const tracked = by !== 'the receiver alone';
      let followed: Followed;
      let counted: Record<'created' | 'cutAgain' | 'whole' | 'noPorts', number>;
      before(async () => {
        const [a, r, b] = ['a', 'r', 'b'].map((letter) => topology().host(letter));
        if (tracked) await loadNft(r!, TRACKED);
        const counters = {
          created: () => snmp(a!, 'Ip.FragCreates'),
          cutAgain: () => snmp(r!, 'Ip.FragCreates'),
          whole: () => snmp(b!, 'Ip.ReasmOKs'),
          noPorts: () => snmp(b!, 'Udp.NoPorts'),
        };
        counted = await during(counters, async () => {
          followed = await following(topology().hosts, { filter: 'ip proto 17' }, () =>
            sendLarge(topology().end('ar'), topology().end('br').ipv4, DATAGRAMS),
          );
        });
      });
      it('the kernel cut and put together as many as were sent', () => {
        const fragments = 3 * DATAGRAMS;
        const expected = { created: fragments, cutAgain: tracked ? fragments : 0 };
        assert.deepEqual(counted, { ...expected, whole: DATAGRAMS, noPorts: DATAGRAMS });
      });
      it('each fragment is a journey at the taps', () => {
        assert.equal(at(followed, 'tx-tap', 'ar').length, counted.created);
        assert.equal(at(followed, 'rx-tap', 'br').length, counted.created);
      });
      it('the fragments of a datagram are one family', () => {
        const all = families(followed);
        assert.equal(all.length, DATAGRAMS);
        for (const family of all)
          assert.equal(family.filter((journey) => isAt(journey, 'rx-tap', 'br')).length, 3);
      });
      it('each says which fragment of its datagram it is', () => {
        const parts = followed.journeys.flatMap(({ parents }) =>
          parents.filter(({ how }) => how === 'fragment').map(({ part }) => part),
        );
        // The first one goes on with the sk_buff of the whole.
        if (!tracked) assert.deepEqual(parts.sort(), [2, 2, 2, 3, 3, 3]);
        else assert.ok(parts.every((part) => part === undefined || (part >= 1 && part <= 3)));
      });
      it('each datagram is dropped once', () =>
        assert.deepEqual(dropsOf(followed), new Array(counted.noPorts).fill('NO_SOCKET')));
    },
  );

for (const offload of [true, false])
  describeFamily(
    `TCP with segmentation ${offload ? 'left to the device' : 'in software'}`,
    () => chainOf('ab'),
    (topology) => {
      let followed: Followed;
      let counted: Record<'segments' | 'retransmitted', number>;
      before(async () => {
        const [a, b] = [topology().end('ab'), topology().end('ba')];
        const counters = {
          segments: () => netstat(a, 'TcpExt.TCPOrigDataSent'),
          retransmitted: () => snmp(a, 'Tcp.RetransSegs'),
        };
        const transfer = () => iperf(a, b, b.ipv4, '500K');
        counted = await during(counters, async () => {
          followed = await following([a, b], { filter: 'tcp' }, () =>
            offload ? transfer() : withFeatures(a, { tso: false, tx: false }, transfer),
          );
        });
      });
      it('journeys at the way in stand for the segments that TCP counted', () => {
        const arrived = followed.journeys.flatMap(({ events }) =>
          events.filter(({ stage, ifname }) => stage === 'rx-tap' && ifname === 'ba'),
        );
        const segments = arrived.reduce((sum, event) => sum + tcpSegments(event), 0);
        assert.equal(segments, counted.segments + counted.retransmitted);
        assert.equal(
          arrived.some((event) => tcpBytes(event) > MSS),
          offload,
        );
      });
      it('segments cut in software have the packet they were cut from as parent', () => {
        const cut = followed.journeys.filter(({ parents }) =>
          parents.some(({ how }) => how === 'gso-segment'),
        );
        const arrived = at(followed, 'rx-tap', 'ba').filter(({ events }) =>
          events.some(({ len }) => len === 1514),
        );
        if (offload) assert.equal(cut.length, 0);
        else assert.ok(cut.length >= arrived.length * 0.9, `${cut.length} of ${arrived.length}`);
      });
      it('each says which segment of its packet it is', () => {
        for (const { children } of followed.journeys) {
          const parts = children.filter(({ how }) => how === 'gso-segment').map(({ part }) => part);
          assert.deepEqual(
            parts.sort((one, other) => one! - other!),
            parts.map((_, index) => index + 1),
          );
        }
      });
      it('nothing is guessed', () => assert.equal(followed.summary.journeys.guessed, 0));
    },
  );

describeFamily(
  'TCP that has to send again',
  () => chainOf('ab'),
  (topology) => {
    let followed: Followed;
    let counted: Record<'retransmitted', number>;
    before(async () => {
      const [a, b] = [topology().end('ab'), topology().end('ba')];
      const lossy = 'meta length > 1000 numgen inc mod 40 == 20 drop';
      await loadNft(
        b,
        `table ip lossy { chain pre { type filter hook prerouting priority 0; ${lossy}; }; }\n`,
      );
      counted = await during({ retransmitted: () => snmp(a, 'Tcp.RetransSegs') }, async () => {
        const features = { tso: false, gso: false };
        followed = await following([a, b], { filter: 'tcp and greater 67' }, () =>
          withFeatures(a, features, () => iperf(a, b, b.ipv4, '500K')),
        );
      });
    });
    it('each segment that was sent again is a journey that says so', () => {
      assert.ok(counted.retransmitted > 3, `${counted.retransmitted} retransmissions`);
      const again = at(followed, 'tx-tap', 'ab').filter(({ parents }) =>
        parents.some(({ how }) => how === 'retransmission'),
      );
      assert.equal(again.length, counted.retransmitted);
    });
  },
);

const COPIES = 10;

describeFamily(
  'a bridge that floods, and multicast to two receivers',
  () => bridgeOf('abc'),
  (topology) => {
    let followed: Followed;
    before(async () => {
      const as = topology().end('as');
      await as.ip(['route add 239.0.0.0/8 dev as']);
      followed = await following(topology().hosts, { filter: 'udp dst portrange 1001-1002' }, async () => {
        await sendUdp(as, UNKNOWN.ipv4, 1001, COPIES);
        await sendUdp(as, '239.1.2.3', 1002, COPIES);
      });
    });
    it('each packet is one journey, and forks', () => {
      assert.equal(followed.journeys.length, 2 * COPIES);
      for (const { branches } of followed.journeys) assert.ok(branches.length >= 2);
    });
    it('each is at both receivers', () => {
      for (const journey of followed.journeys)
        for (const device of ['bs', 'cs']) assert.ok(isAt(journey, 'rx-tap', device), device);
    });
    it('no copy is a guess', () => assert.equal(followed.summary.journeys.guessed, 0));
  },
);

describeFamily(
  'a VXLAN tunnel',
  () => chainOf('ab'),
  (topology) => {
    let followed: Followed;
    let received: number;
    before(async () => {
      const ends = [topology().end('ab'), topology().end('ba')];
      for (const [index, own] of ends.entries()) {
        const [number, other] = [index + 1, 2 - index];
        await own.ip([
          `link add vx type vxlan id 5 remote ${ends[1 - index]!.ipv4} local ${own.ipv4} dstport 4789`,
          `link set dev vx address 02:00:00:00:99:0${number}`,
          `addr add 198.18.99.${number}/24 dev vx`,
          'link set dev vx up',
          `neigh replace 198.18.99.${other} lladdr 02:00:00:00:99:0${other} dev vx nud permanent`,
        ]);
      }
      const inner = {
        netns: ends[1]!.netns,
        device: 'vx',
        run: ends[1]!.run.bind(ends[1]),
      } as unknown as End;
      const counters = { received: async () => (await deviceCounts(inner, 'rx')).packets };
      ({ received } = await during(counters, async () => {
        followed = await following(ends, { filter: 'udp port 1001' }, () =>
          sendUdp(ends[0]!, '198.18.99.2', 1001, COPIES),
        );
      }));
    });
    it('the tunnel carried them', () => assert.equal(received, COPIES));
    it('each packet is one journey, inside and outside of the tunnel', () => {
      assert.equal(followed.journeys.length, COPIES);
      const taps = ['tx-tap vx', 'tx-tap ab', 'rx-tap ba', 'rx-tap vx'];
      for (const { events } of followed.journeys) {
        const seen = events.filter(({ stage }) => stage.endsWith('-tap'));
        assert.deepEqual(
          seen.map(({ stage, ifname }) => `${stage} ${ifname}`),
          taps,
        );
      }
    });
    it('nothing is guessed', () => assert.equal(followed.summary.journeys.guessed, 0));
  },
);
