/** A program that reads UDP datagrams and counts them: what was queued to its socket and not dropped. */
import { readdirSync, readlinkSync } from 'node:fs';
import type { Child } from './process.js';
import type { End } from './world.js';

type Family = 'udp4' | 'udp6';

const script = (family: Family): string => `
const socket = require('node:dgram').createSocket('${family}');
let datagrams = 0;
socket.on('message', () => { datagrams += 1; console.log(datagrams); });
socket.bind(0, () => console.log('port ' + socket.address().port));
`;

export interface UdpReader {
  readonly port: number;
  /** Of the socket. */
  readonly inode: string;
  /** Waits until so many were read. */
  until(datagrams: number): Promise<void>;
  /** It reads no more until resume(): its receive buffer fills. */
  pause(): void;
  resume(): void;
  /** How many were read so far. */
  readonly datagrams: number;
  /** Ends it; how many were read. */
  stop(): Promise<number>;
}

const datagramsIn = (text: string): number =>
  Number(
    text
      .trim()
      .split('\n')
      .at(-1)!
      .replace(/port .*/, '0'),
  );

export async function udpReader(end: End, family: Family = 'udp4'): Promise<UdpReader> {
  const child = end.spawn([process.execPath, '-e', script(family)]);
  await child.until(() => child.stdout.includes('port '), 'bound port');
  const port = Number(/port (\d+)/.exec(child.stdout)![1]);
  return {
    port,
    inode: await udpInode(end, family, port, child),
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    get datagrams() {
      return datagramsIn(child.stdout);
    },
    until: (datagrams) => child.until(() => datagramsIn(child.stdout) >= datagrams, `${datagrams} datagrams`),
    stop: async () => {
      await child.stop('SIGTERM');
      return datagramsIn(child.stdout);
    },
  };
}

/** From /proc/net/udp or udp6, and held by the process. */
async function udpInode(end: End, family: Family, port: number, child: Child): Promise<string> {
  const table = { udp4: '/proc/net/udp', udp6: '/proc/net/udp6' }[family];
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = (await end.run(['cat', table])).split('\n').map((row) => row.trim().split(/\s+/));
  const inode = rows.find((fields) => fields[1]?.endsWith(`:${hex}`))?.[9];
  const held = readdirSync(`/proc/${child.pid}/fd`).map((fd) => readlinkSync(`/proc/${child.pid}/fd/${fd}`));
  if (inode === undefined || !held.includes(`socket:[${inode}]`))
    throw new Error(`no socket of port ${port} among ${held.join(' ')}`);
  return inode;
}
