/** Where packets died, from stacks that a kernel really gave (test/fixtures/drops: see its README.md). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Death, deathOf } from '../../../src/stages/death.js';

interface Drop {
  readonly what: string;
  readonly reason: string;
  readonly stack: readonly string[];
}

const { drops } = JSON.parse(readFileSync('test/fixtures/drops/6.18.json', 'utf8')) as { drops: Drop[] };

const short = (death: Death | undefined) =>
  death && [death.stage, death.position, death.family].filter((word) => word !== undefined).join(' ');

/** Stage, position and family by what was done to the packet. */
const places: Readonly<Record<string, string>> = {
  'nft ip prerouting': 'nf-prerouting in ip',
  'nft ip input': 'nf-input in ip',
  'nft ip forward': 'nf-forward in ip',
  'nft ip output': 'nf-output in ip',
  'nft ip postrouting, forwarded': 'nf-postrouting in ip',
  'nft ip postrouting, own packet': 'nf-postrouting in ip',
  'nft ip6 prerouting': 'nf-prerouting in ip6',
  'nft ip6 input': 'nf-input in ip6',
  'nft ip6 forward': 'nf-forward in ip6',
  'nft ip6 output': 'nf-output in ip6',
  'nft ip6 postrouting, forwarded': 'nf-postrouting in ip6',
  'nft netdev ingress': 'nf-ingress in netdev',
  'nft inet ingress': 'nf-ingress in netdev',
  'nft netdev egress': 'nf-egress in netdev',
  'nft inet reject in input': 'nf-input in ip',
  'nft arp input': 'nf-input in arp',
  'nft arp output': 'nf-output in arp',
  'nft bridge prerouting': 'nf-prerouting in bridge',
  'nft bridge input': 'nf-input in bridge',
  'nft bridge forward': 'nf-forward in bridge',
  'nft bridge output': 'nf-output in bridge',
  'nft bridge postrouting': 'nf-postrouting in bridge',
  'br_netfilter: nft ip prerouting': 'nf-prerouting in ip',
  'br_netfilter: nft ip forward': 'nf-forward in ip',
  'br_netfilter: nft ip postrouting': 'nf-postrouting in ip',
  'no UDP listener': 'l4-rcv in',
  'no UDP listener, IPv6': 'l4-rcv in',
  'bad UDP checksum': 'l4-rcv in',
  'bad TCP checksum': 'l4-rcv in',
  'no TCP listener': 'l4-rcv in',
  'bad IP checksum': 'ip-rcv in',
  'frame for another host': 'ip-rcv in',
  'IP packet cut short': 'ip-rcv in',
  'no route': 'nf-prerouting after',
  'no route, IPv6': 'nf-prerouting after',
  'TTL 1': 'nf-prerouting after',
  'hop limit 1': 'nf-prerouting after',
  'martian source': 'nf-prerouting after',
  'reverse path filter': 'nf-prerouting after',
  'multicast group without members, IPv6': 'nf-prerouting after',
  'nobody takes the protocol': 'rx-handler after',
  'full socket buffer': 'sock-queue in',
  'socket closed with data unread': 'sock-queue after',
  'neighbour never answered, device address removed': 'nf-postrouting after',
};

test('every recorded drop has its place, and every place its drop', () => {
  assert.deepEqual(
    Object.fromEntries(drops.map(({ what, stack, reason }) => [what, short(deathOf(stack, reason))])),
    Object.fromEntries(drops.map(({ what }) => [what, places[what]])),
  );
  assert.deepEqual(drops.map(({ what }) => what).sort(), Object.keys(places).sort());
});

test('kernels that give no reasons: the stack alone tells', () => {
  const vague: Readonly<Record<string, string>> = { 'nobody takes the protocol': 'rx-tap after' };
  for (const { what, stack } of drops) assert.equal(short(deathOf(stack)), vague[what] ?? places[what], what);
});

test('without a stack the address that freed the packet still tells the function', () => {
  assert.deepEqual(deathOf(['ip_rcv_core.isra.0+0x1f4'], 'IP_CSUM'), {
    function: 'ip_rcv_core',
    stage: 'ip-rcv',
    position: 'in',
    text: 'by the checks of the IP header',
  });
  assert.deepEqual(deathOf(['some_driver_poll+0x10 [some]']), {
    function: 'some_driver_poll',
    text: 'in some_driver_poll',
  });
  assert.equal(deathOf(['kfree_skb_reason+0x10']), undefined);
  assert.equal(deathOf([]), undefined);
});

test('what was on its way when a softirq came has nothing to do with it', () => {
  const stack = ['kfree_skb_list_reason', 'some_timer', 'handle_softirqs', 'ip_output', 'udp_sendmsg'];
  assert.deepEqual(deathOf(stack), { function: 'some_timer', text: 'in some_timer' });
});

test('the chain that a packet is dropped by need not be on the stack', () => {
  const stack = ['kfree_skb_reason', 'nf_hook_slow', 'ip_local_deliver', 'ip_sublist_rcv'];
  assert.equal(short(deathOf(stack, 'NETFILTER_DROP')), 'nf-input in ip');
  assert.equal(short(deathOf(['nf_hook_slow'], 'NETFILTER_DROP')), '');
});
