/** tcpdump as the oracle: what a packet socket on a device is handed, written to a file. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type PcapPacket, readPcap } from './pcap.js';
import { type Child, run } from './process.js';
import type { End, World } from './world.js';

/** Direction as tcpdump's -Q takes it. */
export type CaptureDirection = 'in' | 'out' | 'inout';

/** Room of an observer's ring buffer: more than the bytes of any burst in the tests. */
export const RING_KIB = 32 * 1024;
const TAIL_BYTES = 1024 * 1024;

export interface CaptureOptions {
  readonly device?: string;
  readonly direction?: CaptureDirection;
  /** Told apart from other captures of the same device and direction by this. */
  readonly label?: string;
  /** A filter expression. */
  readonly filter?: string;
  /** Room of its ring buffer; RING_KIB when absent. */
  readonly ringKib?: number;
}

/** A running tcpdump. */
export class Capture {
  readonly path: string;
  readonly #child: Child;

  private constructor(child: Child, path: string) {
    this.#child = child;
    this.path = path;
  }

  /**
   * Starts tcpdump and waits until it captures. Not in immediate mode: that would give libpcap a ring of
   * fixed slots (TPACKET_V2), each as long as the largest packet, and lose bursts. The price is that a
   * packet reaches the file up to a second late, which `until` waits for.
   */
  static async start(world: Pick<World, 'dir'>, end: End, options: CaptureOptions = {}): Promise<Capture> {
    const device = options.device ?? end.device;
    const direction = options.direction ?? 'inout';
    const path = join(world.dir, `${end.netns.name}-${device}-${direction}-${options.label ?? 0}.pcap`);
    const child = end.spawn([
      ...[
        'tcpdump',
        '-i',
        device,
        '-Q',
        direction,
        '-w',
        path,
        '-s',
        '0',
        '-B',
        String(options.ringKib ?? RING_KIB),
      ],
      ...['-U', '-n', '-Z', 'root', '--time-stamp-precision=nano'],
      ...(options.filter ? [options.filter] : []),
    ]);
    await child.until(() => child.stderr.includes('listening on'), 'capture start');
    return new Capture(child, path);
  }

  /** Waits until a packet that contains this text has reached the file. */
  async until(text: string): Promise<void> {
    await this.#child.until(() => tailOf(this.path).includes(text), `packet with "${text}"`);
  }

  /** Stops tcpdump and returns its packets in order. A capture that lost packets is no oracle: an error. */
  async stop(): Promise<PcapPacket[]> {
    const { code } = await this.#child.stop('SIGINT');
    const dropped = /^(\d+) packets? dropped by kernel/m.exec(this.#child.stderr)?.[1];
    if (code !== 0 || dropped !== '0') {
      throw new Error(`tcpdump exit ${code}, ${dropped} packets dropped\n${this.#child.stderr}`);
    }
    return [...readPcap(new Uint8Array(readFileSync(this.path)))];
  }
}

/** What tcpdump prints for each packet of a capture file; continuation lines stay with their packet. */
export async function describeCapture(path: string, options: readonly string[] = []): Promise<string[]> {
  const text = await run(['tcpdump', '-nn', '-t', '--number', ...options, '-r', path]);
  const packets: string[] = [];
  for (const line of text.split('\n')) {
    // Only the number tells the text of a packet, which may be empty, from a continuation line.
    const [prefix, number] = /^ *(\d+) {2}/.exec(line) ?? [];
    if (prefix !== undefined && Number(number) === packets.length + 1)
      packets.push(line.slice(prefix.length));
    else packets.push(`${packets.pop() ?? ''}\n${line}`);
  }
  return packets.map((packet) => packet.trimEnd());
}

/** The last bytes of a file, as one character a byte. */
function tailOf(path: string): string {
  if (!existsSync(path)) return '';
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const tail = new Uint8Array(Math.min(size, TAIL_BYTES));
    const count = readSync(file, tail, 0, tail.length, size - tail.length);
    return Buffer.from(tail.buffer, 0, count).toString('latin1');
  } finally {
    closeSync(file);
  }
}
