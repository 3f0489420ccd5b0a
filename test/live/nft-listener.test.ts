/** Messages of nft's tracing that find no room: none is missing from the sum of those that came and those counted as lost. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { nativeBinding } from '../../src/native/binding.js';
import { parseRuleTrace } from '../../src/system/netfilter/rule-messages.js';
import { netlinkProtocol, parseMessages } from '../../src/system/netlink.js';
import { loadNft, nftCounter } from '../support/oracles/nft.js';
import { sendUdp } from '../support/scenario.js';
import { chainOf, type Topology } from '../support/topology.js';

const TRACE_GROUP = 9;
const PORT = 7101;
const RULES = `table ip traced {
  counter seen {}
  chain in {
    type filter hook input priority 0; policy accept;
    udp dport ${PORT} meta nftrace set 1
    udp dport ${PORT} counter name seen drop
  }
}`;
/** Both rules. */
const MESSAGES_A_PACKET = 2;
const MORE_THAN_FIT = 40_000;

let topology: Topology;
const listener = new (nativeBinding().NetlinkListener)(netlinkProtocol.netfilter, TRACE_GROUP);

before(async () => {
  topology = await chainOf('ab');
  await loadNft(topology.host('b'), RULES);
  listener.add(`/run/netns/${topology.host('b').netns.name}`);
});
after(() => {
  listener.close();
  topology?.close();
});

const send = (packets: number): Promise<void> =>
  sendUdp(topology.end('ab'), topology.end('ba').ipv4, PORT, packets);

function heard(): { came: number; lost: number } {
  const all = listener.read();
  const came = all.flatMap(({ messages }) => parseMessages(messages)).map(parseRuleTrace);
  assert.ok(came.every((trace) => trace?.table === 'traced'));
  return { came: came.length, lost: all.reduce((sum, { lost }) => sum + lost, 0) };
}

test('what comes and what is lost is what the rules counted', async () => {
  await send(10);
  assert.deepEqual(heard(), { came: 10 * MESSAGES_A_PACKET, lost: 0 });
  await send(MORE_THAN_FIT);
  const { came, lost } = heard();
  assert.ok(lost > 0, `all ${came} messages found room`);
  assert.ok(came > 5000, `only ${came} messages found room`);
  const counted = (await nftCounter(topology.host('b'), 'seen')) - 10;
  assert.equal(counted, MORE_THAN_FIT);
  assert.equal(came + lost, counted * MESSAGES_A_PACKET);
});

test('after a loss messages come again, and no loss is counted twice', async () => {
  await send(10);
  assert.deepEqual(heard(), { came: 10 * MESSAGES_A_PACKET, lost: 0 });
  assert.deepEqual(heard(), { came: 0, lost: 0 });
});
