/** Makes traffic in a world, with the tools that people use. All of it comes from the traffic CPU. */
import { type End, onTrafficCpu, toolPath } from './world.js';

const SINK_PORT = 9;

/** Sends echo requests and waits for the replies. */
export async function ping(from: End, to: string, count: number, sizeBytes: number): Promise<void> {
  const size = ['-s', String(sizeBytes)];
  await from.send(['ping', '-q', '-c', String(count), '-i', '0.002', '-w', '10', ...size, to]);
}

/** Sends numbered UDP datagrams to the port of `withUdpSink`; rate 0 is as fast as it goes. */
export async function udp(
  from: End,
  to: string,
  sizeBytes: number,
  count: number,
  packetsPerSecond = 20_000,
): Promise<void> {
  const flow = ['--to', to, '--port', String(SINK_PORT), '--rate', String(packetsPerSecond)];
  const amount = ['--size', String(sizeBytes), '--count', String(count)];
  await from.send([toolPath('udp_flood'), ...flow, ...amount]);
}

/** Keeps a port bound meanwhile, so that datagrams to it are not answered with ICMP errors. */
export async function withUdpSink(end: End, use: () => Promise<void>): Promise<void> {
  const sink = end.spawn([toolPath('udp_sink'), String(SINK_PORT)]);
  try {
    await sink.until(() => sink.stdout.includes('ready'), 'bound port');
    await use();
  } finally {
    await sink.stop('SIGKILL');
  }
}

/**
 * One iperf3 run over TCP. Not all bytes need to travel: the server ends the test without reading what is
 * still queued, and the connection is then reset.
 */
export async function iperf(from: End, to: End, address: string, bytes: string): Promise<void> {
  const server = to.spawn(onTrafficCpu(['iperf3', '-s', '-1', '--forceflush']));
  try {
    await server.until(() => server.stdout.includes('Server listening'), 'listening server');
    await from.send(['iperf3', '-c', address, '-n', bytes]);
    await server.exited;
  } finally {
    server.kill('SIGKILL');
  }
}

/** Offload features by their ethtool -K names. */
export type Features = Readonly<Record<string, boolean>>;

/** Changes features that have the opposite value now, and puts them back afterwards. */
export async function withFeatures(end: End, features: Features, use: () => Promise<void>): Promise<void> {
  await setFeatures(end, features);
  try {
    await use();
  } finally {
    await setFeatures(end, Object.fromEntries(Object.entries(features).map(([name, on]) => [name, !on])));
  }
}

async function setFeatures(end: End, features: Features): Promise<void> {
  const words = Object.entries(features).flatMap(([name, on]) => [name, on ? 'on' : 'off']);
  if (words.length > 0) await end.run(['ethtool', '-K', end.device, ...words]);
}

/**
 * Lets GRO wait this long for more packets of a flow meanwhile. Otherwise it merges only what one NAPI poll
 * brings, and over veth that is one datagram.
 */
export async function withGroWaiting(end: End, waitNs: number, use: () => Promise<void>): Promise<void> {
  await setGroFlushTimeout(end, waitNs);
  try {
    await use();
  } finally {
    await setGroFlushTimeout(end, 0);
  }
}

async function setGroFlushTimeout(end: End, timeoutNs: number): Promise<void> {
  const file = `/sys/class/net/${end.device}/gro_flush_timeout`;
  await end.run(['sh', '-c', `echo ${timeoutNs} > ${file}`]);
}

/** Raises the MTU of both ends meanwhile. */
export async function withMtu(ends: readonly End[], mtu: number, use: () => Promise<void>): Promise<void> {
  for (const end of ends) await setMtu(end, mtu);
  try {
    await use();
  } finally {
    for (const end of ends) await setMtu(end, 1500);
  }
}

async function setMtu(end: End, mtu: number): Promise<void> {
  await end.run(['ip', 'link', 'set', end.device, 'mtu', String(mtu)]);
}
