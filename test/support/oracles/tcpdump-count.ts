/** tcpdump as a counter: how many packets its socket was handed, by the socket's own statistics. */
import type { Child } from '../process.js';
import type { End } from '../world.js';

/** A tcpdump whose packets are counted and not kept. */
export class CountingTcpdump {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  static async start(end: End, direction: 'inbound' | 'outbound', filter: string): Promise<CountingTcpdump> {
    // Not -Q, which libpcap decides after its socket has counted the packet.
    const child = end.spawn([
      ...['tcpdump', '-i', end.device, '-s', '96', '-B', '4096', '-w', '/dev/null', '-n', '-Z', 'root'],
      `${direction} and (${filter})`,
    ]);
    await child.until(() => child.stderr.includes('listening on'), 'capture start');
    return new CountingTcpdump(child);
  }

  /** Packets that passed the filter, whether tcpdump read them in time or not. */
  async stop(): Promise<number> {
    await this.#child.stop('SIGINT');
    const received = /^(\d+) packets? received by filter/m.exec(this.#child.stderr)?.[1];
    if (received === undefined) throw new Error(`tcpdump counted nothing\n${this.#child.stderr}`);
    return Number(received);
  }
}
