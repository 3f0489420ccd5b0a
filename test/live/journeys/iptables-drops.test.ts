/**
 * Packets dropped by iptables, old and new implementation, in each chain that may drop: compare names table and chain,
 * and counts what the rule counts. a sends through the router r to b.
 */
import { addRule, type Iptables, ruleCounter } from '../../support/oracles/iptables.js';
import { describeGroup, type Group, type Scenario, sendUdp } from '../../support/scenario.js';
import { chainOf } from '../../support/topology.js';

const FIRST_PORT = 3001;
const FILTER = 'udp and portrange 3001-3999';

interface Drop {
  readonly host: 'a' | 'r' | 'b';
  readonly table: string;
  readonly chain: string;
  /** Where the kernel registers the table (include/uapi/linux/netfilter_ipv4.h, enum nf_ip_hook_priorities). */
  readonly priority: number;
  readonly stage: string;
}

const drop = (host: Drop['host'], table: string, chain: string, priority: number, stage: string): Drop => ({
  ...{ host, table, chain, priority, stage },
});

const DROPS: readonly Drop[] = [
  drop('b', 'raw', 'PREROUTING', -300, 'nf-prerouting'),
  drop('r', 'mangle', 'PREROUTING', -150, 'nf-prerouting'),
  drop('b', 'mangle', 'INPUT', -150, 'nf-input'),
  drop('b', 'filter', 'INPUT', 0, 'nf-input'),
  drop('b', 'security', 'INPUT', 50, 'nf-input'),
  drop('r', 'mangle', 'FORWARD', -150, 'nf-forward'),
  drop('r', 'filter', 'FORWARD', 0, 'nf-forward'),
  drop('a', 'raw', 'OUTPUT', -300, 'nf-output'),
  drop('a', 'filter', 'OUTPUT', 0, 'nf-output'),
  drop('r', 'mangle', 'POSTROUTING', -150, 'nf-postrouting'),
  drop('a', 'mangle', 'POSTROUTING', -150, 'nf-postrouting'),
];

/** iptables-nft registers its chains itself, and this one elsewhere (iptables/nft.c of iptables 1.8). */
const SECURITY_BY_NFT = 150;

function scenarioOf(command: Iptables, one: Drop, port: number, packets: number): Scenario {
  const { host, table, chain, stage } = one;
  const isNft = command.endsWith('-nft');
  const priority = isNft && table === 'security' ? SECURITY_BY_NFT : one.priority;
  const owner = isNft ? 'iptables-nft' : 'iptables-legacy';
  const family = command.startsWith('ip6') ? 'ip6' : 'ip';
  return {
    name: `${command} ${table} ${chain} on ${host}`,
    packets,
    send: (topology) => {
      const { ipv4, ipv6 } = topology.end('br');
      return sendUdp(topology.end('ar'), family === 'ip' ? ipv4 : ipv6, port, packets);
    },
    counter: (topology) => ruleCounter(topology.host(host), command, table, `port${port}`),
    fate: 'dropped',
    place: { stage, host, owner, chain: { family, table, chain, priority } },
    sentence: new RegExp(`dropped (at|in) ${isNft ? '' : 'iptables-legacy '}${family} ${table}/${chain}\\b`),
  };
}

/** Every chain once with IPv4 and once with IPv6. */
function groupOf(kind: 'legacy' | 'nft'): Group {
  const rules = (['iptables', 'ip6tables'] as const).flatMap((name) =>
    DROPS.map((one) => ({ one, command: `${name}-${kind}` as const })),
  );
  return {
    name: `drops by iptables-${kind}`,
    commands: [`iptables-${kind}`],
    topology: () => chainOf('arb'),
    setUp: async (topology) => {
      for (const [index, { one, command }] of rules.entries()) {
        const port = FIRST_PORT + index;
        const rest = ['-p', 'udp', '--dport', String(port), '-j', 'DROP'];
        await addRule(topology.host(one.host), command, one.table, one.chain, `port${port}`, rest);
      }
    },
    compare: { filter: FILTER },
    tcpdump: true,
    scenarios: rules.map(({ one, command }, index) =>
      scenarioOf(command, one, FIRST_PORT + index, 4 + index),
    ),
  };
}

describeGroup(groupOf('legacy'));
describeGroup(groupOf('nft'));
