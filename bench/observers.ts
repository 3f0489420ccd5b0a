/** taptrace and the peer it is held against, started so that all of them see the same packets. */
import { packagePath } from '../src/native/binding.js';
import type { Observer } from './measure.js';

const main = packagePath('dist/bin/taptrace/main.js');

/** Runs argv with its output thrown away. */
const quietly = (argv: readonly string[]): string[] => ['sh', '-c', 'exec "$@" >/dev/null', 'sh', ...argv];

function taptraceLost(stderr: string): number {
  if (stderr.includes('complete: nothing was lost')) return 0;
  return [...stderr.matchAll(/: (\d+) because/g)].reduce((sum, match) => sum + Number(match[1]), 0);
}

export function taptrace(name: string, options: readonly string[]): Observer {
  return {
    name: `taptrace ${name}`,
    argv: ({ a, b }) =>
      quietly([
        ...['node', main, '--netns', a.netns.name, '--netns', b.netns.name, '-s', '96'],
        ...['-i', a.device, '-i', b.device, ...options],
      ]),
    ready: 'taptrace: watching',
    lost: taptraceLost,
  };
}

export function tcpdump(name: string, options: readonly string[]): Observer {
  return {
    name: `tcpdump ${name}`,
    argv: ({ b }) =>
      quietly([
        ...['ip', 'netns', 'exec', b.netns.name, 'tcpdump', '-i', b.device, '-s', '96', '-B', '65536'],
        ...options,
      ]),
    ready: 'listening on',
    lost: (stderr) => Number(/(\d+) packets? dropped by kernel/.exec(stderr)?.[1] ?? Number.NaN),
  };
}

/** taptrace sees each packet twice (tx-tap of one end, rx-tap of the other), tcpdump on one end once. */
export const observers: readonly { readonly observer: Observer; readonly eventsPerPacket: number }[] = [
  { observer: taptrace('(text)', []), eventsPerPacket: 2 },
  { observer: taptrace('(text, -B 32M)', ['-B', '32M']), eventsPerPacket: 2 },
  { observer: taptrace('--json', ['--json']), eventsPerPacket: 2 },
  { observer: taptrace('(text, one tap)', ['--stages', 'rx-tap']), eventsPerPacket: 1 },
  { observer: tcpdump('-nn (text)', ['-nn']), eventsPerPacket: 1 },
  { observer: tcpdump('-w', ['-Z', 'root', '-w', '/dev/null']), eventsPerPacket: 1 },
];
