/** A process that gives up its capabilities while busy threads are there, and starts new ones later: prints JSON. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { nativeBinding } from '../../src/native/binding.js';
import { capabilityBit, threadCount, threadsWithMore } from './capabilities.js';

const kept = ['net_raw'] as const;
const statusLine = (key: string): string =>
  new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
/** Fills libuv's pool: reads that are answered by its threads. */
const useThePool = () => Promise.all(Array.from({ length: 16 }, () => readFile('/proc/kallsyms')));

const busy = useThePool();
const worker = new Worker('setInterval(() => undefined, 1)', { eval: true });
await new Promise((resolve) => worker.once('online', resolve));
const threadsBefore = threadCount('self');
const moreBefore = threadsWithMore('self', kept).length;
const handlersBefore = statusLine('SigCgt');
const left = nativeBinding().dropCapabilities(kept.map((name) => capabilityBit[name]));
const handlersKept = statusLine('SigCgt') === handlersBefore;
const moreAfter = threadsWithMore('self', kept);
const readsInFlight = (await busy).every(({ length }) => length > 0);

const second = new Worker('setInterval(() => undefined, 1)', { eval: true });
await new Promise((resolve) => second.once('online', resolve));
await useThePool();
let signals = 0;
process.on('SIGUSR2', () => {
  signals += 1;
});
process.kill(process.pid, 'SIGUSR2');
await new Promise((resolve) => setTimeout(resolve, 50));
const report = {
  ...{ threadsBefore, moreBefore, left, moreAfter, readsInFlight, signals },
  threadsLater: threadCount('self'),
  moreLater: threadsWithMore('self', kept),
  handlersKept,
  uid: process.getuid!(),
  noNewPrivileges: statusLine('NoNewPrivs'),
};
process.stdout.write(JSON.stringify(report));
await Promise.all([worker.terminate(), second.terminate()]);
