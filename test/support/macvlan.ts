/** A macvlan device on one end of a world: it receives in a second round of the kernel's tap lists. */
import { run } from './process.js';
import type { Scene } from './session.js';
import { End, type World } from './world.js';

const MAC = '02:00:00:00:00:0c';
/** Another subnet than that of the lower device, so that routes tell the two apart. */
export const MACVLAN_IPV4 = '198.51.100.3';
/** Address of end b that is reached through the macvlan. */
export const MACVLAN_PEER_IPV4 = '198.51.100.2';

export interface Macvlan {
  readonly scene: Scene;
  remove(): Promise<void>;
}

/** Adds `mv0` over end a's device. */
export async function macvlanScene(world: World): Promise<Macvlan> {
  const { a, b } = world;
  const end = new End(a.netns, 'mv0', MAC, MACVLAN_IPV4, '2001:db8:1::3');
  const inA = ['ip', '-n', a.netns.name];
  const inB = ['ip', '-n', b.netns.name];
  // Otherwise the lower device, too, answers ARP for the macvlan's address.
  await a.run(['sysctl', '-q', '-w', 'net.ipv4.conf.all.arp_ignore=1']);
  await run([
    ...[...inA, 'link', 'add', 'link', a.device, 'name', end.device, 'address', MAC],
    ...['type', 'macvlan', 'mode', 'bridge'],
  ]);
  await run([...inA, 'addr', 'add', `${end.ipv4}/24`, 'dev', end.device]);
  await run([...inA, 'link', 'set', end.device, 'up']);
  await run([...inB, 'addr', 'add', `${MACVLAN_PEER_IPV4}/24`, 'dev', b.device]);
  const remove = async () => {
    await run([...inA, 'link', 'del', end.device]);
    await run([...inB, 'addr', 'del', `${MACVLAN_PEER_IPV4}/24`, 'dev', b.device]);
    await a.run(['sysctl', '-q', '-w', 'net.ipv4.conf.all.arp_ignore=0']);
  };
  return { scene: sceneOf(world, end), remove };
}

function sceneOf(world: World, macvlan: End): Scene {
  const { a, b } = world;
  const [lower, upper, peer] = [a, macvlan, b].map((end) => ({
    end: end === macvlan ? a : end,
    device: end.device,
  }));
  return {
    world,
    places: [lower!, upper!, peer!],
    markerPaths: [
      { from: upper!, fromMac: macvlan.mac, toMac: b.mac },
      { from: peer!, fromMac: b.mac, toMac: macvlan.mac },
    ],
  };
}
