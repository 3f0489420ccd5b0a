/**
 * NAT: compare says which base chain rewrote what, and how many packets; the truth is counted where the packets arrive
 * with their new addresses. a sends through the router r to b, and the filter knows the old ports only.
 */
import { loadNft, nftCounter } from '../../support/oracles/nft.js';
import { describeGroup, type Group, type Scenario, sendUdp } from '../../support/scenario.js';
import { chainOf } from '../../support/topology.js';

const FILTER = 'udp and dst portrange 4001-4999';

interface Nat {
  readonly name: string;
  readonly host: 'a' | 'r' | 'b';
  readonly family: 'ip' | 'ip6';
  readonly hook: 'prerouting' | 'output' | 'postrouting';
  readonly priority: number;
  /** Sent to. */
  readonly to: string;
  readonly port: number;
  /** The NAT statement. */
  readonly statement: string;
  /** What b's own rule counts. */
  readonly arrived: string;
  /** Old and new, as a sentence names them. */
  readonly sentence: RegExp;
}

const R = { ip: '198.18.0.2', ip6: '2001:db8::2' };
const R_OUT = { ip: '198.18.1.1', ip6: '2001:db8:1::1' };
const B = { ip: '198.18.1.2', ip6: '2001:db8:1::2' };

const DSTNAT = -100;
const SRCNAT = 100;

const NATS: readonly Nat[] = [
  {
    name: 'DNAT in prerouting on the router',
    ...{ host: 'r', family: 'ip', hook: 'prerouting', priority: DSTNAT, to: R.ip, port: 4001 },
    statement: `dnat to ${B.ip}:5001`,
    arrived: `ip daddr ${B.ip} udp dport 5001`,
    sentence: /destination 198\.18\.0\.2:4001 .*198\.18\.1\.2:5001.*rewritten (in|by) ip nat\/prerouting/,
  },
  {
    name: 'DNAT in prerouting on the router, IPv6',
    ...{ host: 'r', family: 'ip6', hook: 'prerouting', priority: DSTNAT, to: R.ip6, port: 4002 },
    statement: `dnat to [${B.ip6}]:5002`,
    arrived: `ip6 daddr ${B.ip6} udp dport 5002`,
    sentence:
      /destination \[?2001:db8::2\]?[:.]4002 .*2001:db8:1::2\]?[:.]5002.*rewritten (in|by) ip6 nat\/prerouting/,
  },
  {
    name: 'DNAT in output on the sender',
    ...{ host: 'a', family: 'ip', hook: 'output', priority: DSTNAT, to: '203.0.113.9', port: 4003 },
    statement: `dnat to ${B.ip}:5003`,
    arrived: `ip daddr ${B.ip} udp dport 5003`,
    sentence: /destination 203\.0\.113\.9:4003 .*198\.18\.1\.2:5003.*rewritten (in|by) ip nat\/output/,
  },
  {
    name: 'SNAT in postrouting on the router',
    ...{ host: 'r', family: 'ip', hook: 'postrouting', priority: SRCNAT, to: B.ip, port: 4004 },
    statement: 'snat to 198.18.1.77',
    arrived: 'ip saddr 198.18.1.77 udp dport 4004',
    sentence: /source 198\.18\.0\.1.* 198\.18\.1\.77.*rewritten (in|by) ip nat\/postrouting/,
  },
  {
    name: 'masquerade on the router',
    ...{ host: 'r', family: 'ip', hook: 'postrouting', priority: SRCNAT, to: B.ip, port: 4005 },
    statement: 'masquerade',
    arrived: `ip saddr ${R_OUT.ip} udp dport 4005`,
    sentence: /source 198\.18\.0\.1.* 198\.18\.1\.1\b.*rewritten (in|by) ip nat\/postrouting/,
  },
  {
    name: 'masquerade on the router, IPv6',
    ...{ host: 'r', family: 'ip6', hook: 'postrouting', priority: SRCNAT, to: B.ip6, port: 4006 },
    statement: 'masquerade',
    arrived: `ip6 saddr ${R_OUT.ip6} udp dport 4006`,
    sentence: /source \[?2001:db8::1\b.*2001:db8:1::1\b.*rewritten (in|by) ip6 nat\/postrouting/,
  },
  {
    name: 'redirect on the receiver',
    ...{ host: 'b', family: 'ip', hook: 'prerouting', priority: DSTNAT, to: B.ip, port: 4007 },
    statement: 'redirect to :5007',
    arrived: `ip daddr ${B.ip} udp dport 5007`,
    sentence: /destination 198\.18\.1\.2:4007 .*198\.18\.1\.2:5007.*rewritten (in|by) ip nat\/prerouting/,
  },
  {
    name: 'redirect on the receiver, IPv6',
    ...{ host: 'b', family: 'ip6', hook: 'prerouting', priority: DSTNAT, to: B.ip6, port: 4008 },
    statement: 'redirect to :5008',
    arrived: `ip6 daddr ${B.ip6} udp dport 5008`,
    sentence:
      /destination \[?2001:db8:1::2\]?[:.]4008 .*2001:db8:1::2\]?[:.]5008.*rewritten (in|by) ip6 nat\/prerouting/,
  },
];

function natRules(host: string): string {
  const own = NATS.filter((one) => one.host === host);
  return own
    .map(
      ({ family, hook, priority, port, statement }) =>
        `table ${family} nat { chain ${hook} { type nat hook ${hook} priority ${priority};
           udp dport ${port} ${statement}; }; }`,
    )
    .join('\n');
}

/** Counted on b, behind everything else that its input hook has. */
const arrivalRules = `table inet arrivals {
  ${NATS.map(({ port }) => `counter arrived${port} {}`).join('\n')}
  chain input { type filter hook input priority 200;
    ${NATS.map(({ port, arrived }) => `${arrived} counter name arrived${port}`).join('\n')}
  }
}`;

function scenarioOf(nat: Nat, packets: number): Scenario {
  const { name, host, family, hook, priority, to, port, sentence } = nat;
  return {
    name,
    packets,
    send: (topology) => sendUdp(topology.end('ar'), to, port, packets),
    counter: (topology) => nftCounter(topology.host('b'), `arrived${port}`),
    fate: 'rewritten',
    place: { stage: `nf-${hook}`, host, chain: { family, table: 'nat', chain: hook, priority } },
    sentence,
  };
}

const group: Group = {
  name: 'NAT',
  topology: () => chainOf('arb'),
  setUp: async (topology) => {
    await topology.host('a').ip(['route add 203.0.113.0/24 via 198.18.0.2']);
    for (const letter of ['a', 'r', 'b']) await loadNft(topology.host(letter), natRules(letter));
    await loadNft(topology.host('b'), arrivalRules);
  },
  compare: { filter: FILTER },
  scenarios: NATS.map((nat, index) => scenarioOf(nat, 6 + index)),
};

describeGroup(group);
