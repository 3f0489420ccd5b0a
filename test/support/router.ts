/** Three namespaces in a row: `a`, a router, `c`. */
import { addNetns } from './netns.js';
import { run } from './process.js';
import { createWorld, End } from './world.js';

export interface RouterWorld {
  readonly a: End;
  /** The router's ends, towards a and towards c. */
  readonly toA: End;
  readonly toC: End;
  readonly c: End;
  close(): void;
}

async function configure({ netns, device, ipv4, ipv6 }: End): Promise<void> {
  const ip = ['ip', '-n', netns.name];
  await run([...ip, 'addr', 'add', `${ipv4}/24`, 'dev', device]);
  await run([...ip, 'addr', 'add', `${ipv6}/64`, 'dev', device, 'nodad']);
  await run([...ip, 'link', 'set', device, 'up']);
}

/** Builds it; a and c reach each other through the router when it resolves. */
export async function createRouterWorld(): Promise<RouterWorld> {
  const world = await createWorld();
  const { a, b: toA } = world;
  const netns = await addNetns(toA.netns.name.replace(/b$/, 'c'));
  const close = () => {
    world.close();
    netns.remove();
  };
  try {
    const toC = new End(toA.netns, 'vr', '02:00:00:00:00:0d', '198.51.100.1', '2001:db8:1::1');
    const c = new End(netns, 'vc', '02:00:00:00:00:0c', '198.51.100.2', '2001:db8:1::2');
    await run([
      ...['ip', 'link', 'add', toC.device, 'address', toC.mac, 'netns', toC.netns.name, 'type', 'veth'],
      ...['peer', 'name', c.device, 'address', c.mac, 'netns', netns.name],
    ]);
    await configure(toC);
    await configure(c);
    await toA.run(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    for (const { end, via } of [
      { end: a, via: toA },
      { end: c, via: toC },
    ])
      for (const address of [via.ipv4, via.ipv6])
        await end.run(['ip', address.includes(':') ? '-6' : '-4', 'route', 'add', 'default', 'via', address]);
    for (const address of [c.ipv4, c.ipv6]) await a.run(['ping', '-q', '-c', '1', '-w', '5', address]);
    return { a, toA, toC, c, close };
  } catch (error) {
    close();
    throw error;
  }
}
