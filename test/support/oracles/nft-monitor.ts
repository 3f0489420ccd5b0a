/** `nft monitor trace` as an oracle: which rules nft itself says that a traced packet met. */
import type { Host } from '../host.js';
import type { Child } from '../process.js';

/** A packet that nft traced in one namespace. */
export interface TracedPacket {
  /** `ip id 7`, or of IPv6 its length and ports: of one packet alone, as the test sends them. */
  readonly key: string;
  /** `inet guard/judge: udp dport 7001 drop: drop`, in order; a policy as `inet guard/later: policy: drop`. */
  readonly rules: readonly string[];
}

const line = /^trace id (?<id>[0-9a-f]{8}) (?<family>\S+) (?<table>\S+) (?<chain>\S+) (?<rest>.*)$/;
const fields = /\b(ip id|ip6 length|sport|dport) (\d+)/g;

/** What tells a packet from the others of a test, from the names and values of its fields. */
export function packetKey(values: ReadonlyMap<string, string | number>): string {
  const id = values.get('ip id');
  if (id !== undefined) return `ip id ${id}`;
  return ['ip6 length', 'sport', 'dport']
    .filter((name) => values.has(name))
    .map((name) => `${name} ${values.get(name)}`)
    .join(' ');
}

function ruleOf(rest: string): string | undefined {
  const policy = /^policy (\S+)/.exec(rest)?.[1];
  if (policy !== undefined) return `policy: ${policy}`;
  const [, text, verdict] = /^rule (.*) \(verdict (.*)\)\s*$/.exec(rest) ?? [];
  return text === undefined ? undefined : `${text}: ${verdict}`;
}

export class NftMonitor {
  private constructor(private readonly child: Child) {}

  static async start(host: Host): Promise<NftMonitor> {
    const child = host.spawn(['nft', 'monitor', 'trace']);
    const listens = async () => (await host.run(['cat', '/proc/net/netlink'])).includes(` ${child.pid} `);
    for (let tries = 0; tries < 200 && !(await listens()); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    return new NftMonitor(child);
  }

  /** Ends it; what it told. */
  async stop(): Promise<TracedPacket[]> {
    await this.child.stop('SIGTERM');
    const packets: { key: string; rules: string[] }[] = [];
    const latest = new Map<string, (typeof packets)[number]>();
    for (const text of this.child.stdout.split('\n')) {
      const { id, family, table, chain, rest = '' } = line.exec(text)?.groups ?? {};
      if (id === undefined) continue;
      const values = new Map([...rest.matchAll(fields)].map(([, name, value]) => [name!, value!]));
      // An id is of an sk_buff, which another packet may have later.
      if (rest.startsWith('packet: ') && latest.get(id)?.key !== packetKey(values)) {
        const packet = { key: packetKey(values), rules: [] };
        packets.push(packet);
        latest.set(id, packet);
      }
      const rule = ruleOf(rest);
      if (rule !== undefined) latest.get(id)?.rules.push(`${family} ${table}/${chain}: ${rule}`);
    }
    return packets;
  }
}
