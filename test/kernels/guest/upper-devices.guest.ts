/**
 * Devices stacked upon others: each packet that the lower one received is seen at its rx handler, and is tapped once
 * more, as the same packet, on the upper one. Numbers are those of `ip -s link`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Followed, following, type JourneyLine } from '../../support/following.js';
import { deviceCounts } from '../../support/oracles/devices.js';
import { patient, run } from '../../support/process.js';
import {
  addQuietLink,
  createQuietWorld,
  flood,
  type QuietLink,
  type QuietWorld,
} from '../../support/quiet.js';
import { End, toolPath } from '../../support/world.js';
import { rungName } from './rungs.js';
import { isSince } from './situation.js';

/** Another number for each kind, counted up from here. */
const PACKETS = 11;
const VLAN = 10;

interface Kind {
  readonly name: string;
  /** Absent for VLAN devices, which have no rx handler. */
  readonly handler?: string;
  /** Lines of ip(8) that put device `upper` on top of `lower`, in the namespace of both. */
  readonly build: (lower: End, upper: string) => readonly string[];
}

/** A device of its own that takes others as ports. */
const master =
  (type: string) =>
  ({ device, mac }: End, upper: string): string[] => [
    `link add ${upper} address ${mac} type ${type}`,
    `link set ${device} down`,
    `link set ${device} master ${upper}`,
    `link set ${device} up`,
  ];

const above =
  (type: string) =>
  ({ device }: End, upper: string): string[] => [`link add link ${device} name ${upper} type ${type}`];

const kinds: readonly Kind[] = [
  { name: 'vlan', build: above(`vlan id ${VLAN}`) },
  { name: 'macvlan', handler: 'macvlan_handle_frame', build: above('macvlan mode bridge') },
  { name: 'ipvlan', handler: 'ipvlan_handle_frame', build: above('ipvlan mode l2') },
  { name: 'bond', handler: 'bond_handle_frame', build: master('bond mode balance-rr miimon 100') },
  { name: 'team', handler: 'team_handle_frame', build: master('team') },
  {
    name: 'bridge',
    handler: 'br_handle_frame',
    build: master('bridge stp_state 0 forward_delay 0'),
  },
  // Its port was added by ovs_port.
  {
    name: 'openvswitch',
    handler: 'netdev_frame_hook',
    build: ({ mac }, upper) => [`link set ${upper} address ${mac}`],
  },
];

/** A pair of its own for each kind: v<letter>a sends to the upper device on v<letter>b. */
interface Stack {
  readonly kind: Kind;
  readonly packets: number;
  readonly link: QuietLink;
  readonly upper: End;
}

async function stackOf(world: QuietWorld, kind: Kind, index: number): Promise<Stack> {
  const link = await addQuietLink(world, String.fromCharCode('d'.charCodeAt(0) + index));
  const { b } = link;
  const name = `${kind.name.slice(0, 4)}0`;
  if (kind.name === 'openvswitch') await b.run([toolPath('ovs_port'), name, b.device]);
  await b.ip([...kind.build(b, name), `addr add ${b.ipv4}/32 dev ${name}`, `link set ${name} up`]);
  const shown = await run(['ip', '-n', b.netns.name, '-j', 'link', 'show', 'dev', name]);
  const { address } = (JSON.parse(shown) as [{ address: string }])[0];
  return { kind, packets: PACKETS + index, link, upper: new End(b.netns, name, address, b.ipv4, '') };
}

/** Where the packets are sent from: over a VLAN device they get a tag. */
async function sendFrom({ kind, link: { a, b }, upper }: Stack): Promise<void> {
  const isTagged = kind.name === 'vlan';
  const device = isTagged ? upper.device : a.device;
  if (isTagged) await a.ip([...above(`vlan id ${VLAN}`)(a, device), `link set ${device} up`]);
  await a.ip([
    `addr replace ${a.ipv4}/24 dev ${device}`,
    ...(isTagged ? [`addr del ${a.ipv4}/24 dev ${a.device}`] : []),
    `neigh replace ${b.ipv4} lladdr ${upper.mac} dev ${device} nud permanent`,
  ]);
}

const mechanism = isSince('6.1') ? 'fentry' : 'kprobe';
const received = async (end: End): Promise<number> => (await deviceCounts(end, 'rx')).packets;

describe(`upper devices by ${mechanism}`, { timeout: patient(120_000) }, () => {
  let world: QuietWorld;
  let followed: Followed;
  const stacks: Stack[] = [];
  /** By kind: what the lower and the upper device received. */
  const counted = new Map<string, readonly number[]>();

  before(async () => {
    world = await createQuietWorld();
    for (const [index, kind] of kinds.entries()) stacks.push(await stackOf(world, kind, index));
    for (const stack of stacks) await sendFrom(stack);
    const rung = rungName({ stage: 'rx-handler', mechanism });
    const args = ['--arm', '--stages', 'rx-tap,rx-handler', '--mechanism', rung];
    followed = await following([world.b], { filter: 'udp', args }, async () => {
      for (const { kind, packets, link, upper } of stacks) {
        const both = async () => [await received(link.b), await received(upper)];
        const before = await both();
        await flood(link, packets, 1000);
        const later = await both();
        counted.set(
          kind.name,
          later.map((count, index) => count - before[index]!),
        );
      }
    });
  });
  after(() => world?.close());

  for (const [index, { name, handler }] of kinds.entries())
    describe(name, () => {
      const stack = () => stacks[index]!;
      const own = (): JourneyLine[] =>
        followed.journeys.filter(({ events }) =>
          events.some(({ ifname }) => ifname?.split('@')[0] === stack().link.b.device),
        );
      const at = (stage: string, device: string): number =>
        own().flatMap(({ events }) =>
          events.filter((event) => event.stage === stage && event.ifname?.split('@')[0] === device),
        ).length;

      it('is tapped on both devices, as often as each of them received it', () => {
        const { link, upper, packets } = stack();
        assert.deepEqual(counted.get(name), [packets, packets]);
        const seen = [at('rx-tap', link.b.device), at('rx-tap', upper.device)];
        assert.deepEqual(seen, counted.get(name));
      });
      if (handler)
        it(`${handler}: what the lower device received`, () => {
          const { link } = stack();
          assert.equal(at('rx-handler', link.b.device), counted.get(name)![0]);
          const functions = own().flatMap(({ events }) =>
            events.filter(({ stage }) => stage === 'rx-handler').map((event) => event.function),
          );
          assert.deepEqual([...new Set(functions)], [handler]);
        });
      it('is one journey a packet, which goes on at the upper device', () => {
        const { link, upper, packets } = stack();
        assert.equal(own().length, packets);
        const ways = own().map(({ events }) =>
          events
            .filter(({ stage }) => stage === 'rx-tap' || stage === 'rx-handler')
            .map(({ stage, ifname }) => `${stage} ${ifname}`)
            .join(', '),
        );
        const handled = handler ? [`rx-handler ${link.b.device}`] : [];
        const way = [`rx-tap ${link.b.device}`, ...handled, `rx-tap ${upper.device}`].join(', ');
        assert.deepEqual([...new Set(ways)], [way]);
      });
      it('is said to be tapped twice', () => {
        const { link, upper } = stack();
        const text = `tapped on ${link.b.device} and again on ${upper.device} on its way in`;
        for (const { truths } of own())
          assert.ok(
            truths.some((truth) => truth.text.includes(text)),
            JSON.stringify(truths),
          );
      });
      if (name === 'vlan')
        it('has its tag in metadata on the lower device, and none on the upper one', () => {
          const tags = own().map(({ events }) =>
            events.filter(({ stage }) => stage === 'rx-tap').map(({ vlan }) => vlan?.tci),
          );
          assert.deepEqual([...new Set(tags.map(String))], [String([VLAN, undefined])]);
        });
    });
});
