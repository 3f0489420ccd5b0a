/** Each truth line where it holds, and its absence where it does not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { senderOf } from '../../../src/explain/sender.js';
import { truthsOf } from '../../../src/explain/truths.js';
import type { Branch, Journey } from '../../../src/journey/journey.js';
import type { StageId } from '../../../src/stages/types.js';
import { ETHERTYPE } from '../../support/frames.js';
import { tcp } from '../journey/sightings.js';
import { allStages, brackets, chain, frame, payload, type Sight, sceneOf, sight } from './journeys.js';

const lo = { ifindex: 1, linkType: 772 };
const va = { ifindex: 3 };
const segment = frame({ protocol: 6, payload: tcp(1, payload) });

function truths(sights: readonly Sight[], more: Partial<Journey> = {}, watched = allStages) {
  return truthsOf(sceneOf(sights, more, watched));
}

/** The only truth of this kind; fails where there is none, or more. */
function truth(id: string, ...given: Parameters<typeof truths>): string {
  const found = truths(...given).filter((one) => one.id === id);
  assert.equal(found.length, 1, JSON.stringify(truths(...given)));
  return found[0]!.text;
}

const ids = (...given: Parameters<typeof truths>): string[] => truths(...given).map(({ id }) => id);

const clone: Branch[] = [{ kind: 'packet' }, { kind: 'clone', from: 0 }];
const tapClone = (): Branch[] => [{ kind: 'packet' }, { kind: 'tap-clone', from: 0 }];

describe('what the bytes are', () => {
  it('nothing to explain of a plain packet', () => {
    assert.deepEqual(truths([sight('netif-rx'), sight('rx-tap'), sight('consume')]), []);
  });
  it('a checksum that is left to the device', () => {
    const partial = { ipSummed: 3 };
    assert.match(
      truth('checksum-partial', [sight('tx-tap', { fields: partial })]),
      /left to the device .*here\.$/,
    );
    const received = [
      sight('tx-tap', { fields: partial }),
      sight('rx-tap', { fields: { ...partial, ...va } }),
    ];
    assert.match(truth('checksum-partial', received), /never is: the packet does not leave this machine/);
    assert.ok(!ids([sight('tx-tap', { fields: { ipSummed: 0 } })]).includes('checksum-partial'));
    const icmp = frame({ protocol: 1, payload });
    assert.ok(!ids([sight('tx-tap', { data: icmp, fields: partial })]).includes('checksum-partial'));
  });
  it('segments left to the device', () => {
    const gso = { has: ['gso'] as const, data: segment };
    const fields = { len: 65226, gsoSize: 1448, gsoSegs: 45 };
    const sent = sight('tx-tap', { ...gso, fields });
    assert.equal(
      truth('gso', [sent]),
      '65172 bytes of payload here are 45 segments of 1448 bytes on a wire: cutting them is left to the device (TSO).',
    );
    const received = sight('rx-tap', { ...gso, fields: { ...fields, ...va } });
    assert.match(
      truth('gso', [received]),
      /are 45 segments of 1448 bytes: they were merged before the tap .*GRO/,
    );
    assert.match(truth('gso', [sent, received]), /left to the device \(TSO\)\. It never happens/);
  });
  it('a VLAN tag in metadata', () => {
    const tagged = sight('rx-tap', { has: ['vlan'], fields: { vlanTci: 10, vlanProtocol: ETHERTYPE.vlan } });
    assert.match(
      truth('vlan-metadata', [tagged]),
      /VLAN 10 \(802\.1Q\) lives in metadata here, not in the bytes/,
    );
  });
});

describe('where it is seen', () => {
  it('twice on loopback', () => {
    const sights = [sight('tx-tap', { fields: lo }), sight('rx-tap', { fields: lo })];
    assert.match(truth('loopback-twice', sights), /libpcap leaves out the way out/);
    assert.ok(!ids([sight('tx-tap'), sight('rx-tap', { fields: va })]).includes('loopback-twice'));
  });
  it('on a port and again on the bridge, and on a device over another on the way out', () => {
    const received = [sight('rx-tap'), sight('rx-tap', { fields: { ifindex: 1 } })];
    assert.equal(
      truth('second-round', received),
      'The same packet is tapped on eth0 and again on lo on its way in: tcpdump -i any shows it twice.',
    );
    const sent = [sight('tx-tap'), sight('tx-tap', { fields: { ifindex: 1 } })];
    assert.match(truth('second-round', sent), /on its way out/);
    const cloned = [
      sight('tx-tap', { branch: 1, mechanism: 'packet_socket' }),
      sight('tx-tap', { branch: 2, mechanism: 'packet_socket', fields: { ifindex: 1 } }),
      sight('start-xmit', { fields: { ifindex: 1 } }),
    ];
    const branches: Branch[] = [...tapClone(), { kind: 'tap-clone', from: 0 }];
    assert.match(truth('second-round', [sight('dev-queue'), ...cloned], { branches }), /on its way out/);
    const flooded = [
      sight('rx-tap'),
      sight('tx-tap', { branch: 1, fields: va }),
      sight('rx-tap', { fields: { ifindex: 1 } }),
    ];
    assert.match(truth('second-round', flooded, { branches: clone }), /on eth0 and again on lo/);
  });
  it('not: once in and once out, or in two namespaces', () => {
    assert.ok(!ids([sight('rx-tap'), sight('tx-tap', { fields: va })]).includes('second-round'));
    const elsewhere = { ifindex: 1, netnsInum: 2 };
    assert.ok(!ids([sight('rx-tap'), sight('rx-tap', { fields: elsewhere })]).includes('second-round'));
    const through = [
      sight('rx-tap'),
      sight('start-xmit', { fields: va }),
      sight('rx-tap', { fields: { ifindex: 1 } }),
    ];
    assert.ok(!ids(through).includes('second-round'));
  });
  it('a clone because somebody taps', () => {
    const sights = [sight('dev-queue'), sight('delivery', { branch: 1 }), sight('start-xmit')];
    assert.match(
      truth('armed-by-tap', sights, { branches: tapClone() }),
      /^A tap is open, so the kernel clones/,
    );
    const ours = [sight('dev-queue'), sight('tx-tap', { branch: 1, mechanism: 'packet_socket' })];
    assert.match(truth('armed-by-tap', ours, { branches: tapClone() }), /this trace \(--arm\)/);
    assert.deepEqual(ids(sights, { branches: clone }), []);
  });
});

describe('past the taps', () => {
  const sent = [sight('dev-queue'), sight('netif-rx', { fields: va })];
  it('on the way out, where the other end has it and neither the tap nor the driver saw it', () => {
    assert.match(truth('bypassed-tx-tap', sent), /left eth0 past the taps/);
  });
  it('is not claimed where the taps are not watched, or saw it', () => {
    const watched = new Set<StageId>(['dev-queue', 'netif-rx']);
    assert.deepEqual(ids(sent, {}, watched), []);
    assert.deepEqual(ids([sight('dev-queue'), sight('tx-tap'), sight('netif-rx', { fields: va })]), []);
  });
  it('on the way out, where a task handed it to the driver itself', () => {
    const task = { has: ['task', 'context'], fields: { ifindex: 1, pid: 7, context: 0 } } as const;
    const text = truth('bypassed-tx-tap', [sight('netif-rx', task), sight('rx-tap', { fields: va })]);
    assert.match(text, /\[7\] handed it to the driver of eth0 past queue and taps/);
    const inSoftirq = { ...task, fields: { ...task.fields, context: 1 } };
    assert.deepEqual(ids([sight('netif-rx', inSoftirq)]), []);
    const unpaired = { ...task, fields: { ...task.fields, ifindex: 2 } };
    assert.deepEqual(ids([sight('netif-rx', unpaired)]), []);
  });
  it('on the way in', () => {
    assert.match(truth('bypassed-rx-tap', [sight('netif-rx'), sight('ip-rcv')]), /tap lists of eth0 unseen/);
    assert.deepEqual(ids([sight('netif-rx'), sight('rx-tap'), sight('ip-rcv')]), []);
  });
});

describe('what looks like a loss', () => {
  const echo = frame({ protocol: 1, payload: Uint8Array.from([0, 0, 0, 0, 1, 2, 0, 1]) });
  const noSocket = (branch = 0) =>
    sight('drop', {
      data: echo,
      branch,
      has: ['reason', 'location'],
      fields: { reason: 3, location: 0xffffffff81777770n },
    });

  it('a ping that its socket got as a clone', () => {
    const sights = [sight('rx-tap', { data: echo }), noSocket(), sight('consume', { data: echo, branch: 1 })];
    assert.match(truth('ping-clone', sights, { branches: clone }), /NO_SOCKET is normal, nothing was lost/);
    assert.ok(!ids(sights, { branches: clone }).includes('dropped-after-tap'));
    assert.deepEqual(ids([sight('rx-tap', { data: echo }), noSocket()]), ['dropped-after-tap']);
  });
  it('a frame for another host', () => {
    const others = sight('rx-tap', { fields: { packetType: 3 } });
    const dropped = sight('drop', { has: ['reason'], fields: { reason: 5, packetType: 3 } });
    assert.match(truth('other-host', [others, dropped]), /another host: .* \(OTHERHOST\)/);
    assert.ok(!ids([others, sight('nf-input')]).includes('other-host'), 'a bridge took it');
  });
  it('a retransmission', () => {
    const parents = [{ packet: 12, how: 'retransmission' as const }];
    assert.match(
      truth('retransmission', [sight('dev-queue', { data: segment })], { parents }),
      /bytes of packet 12/,
    );
  });
  it('taken by an XDP program, which no tap there can show', () => {
    const frame = (verdict: number) => sight('xdp', { has: ['verdict'], fields: { verdict } });
    assert.match(
      truth('xdp', [frame(1)]),
      /XDP program of \S+ dropped it before .* no tap on \S+ can show it/,
    );
    assert.match(truth('xdp', [frame(3)]), /sent it back/);
    assert.ok(!ids([frame(2), sight('rx-tap')]).includes('xdp'), 'it passed');
  });
  it('queued, and back', () => {
    const stolen = sight('nf-input', { has: ['verdict'], fields: { verdict: 0 } });
    const back = sight('l4-rcv', { us: 250 });
    assert.match(truth('queued', [stolen, back]), /came back 250 µs later: it was queued \(NFQUEUE\)/);
    assert.deepEqual(ids([stolen]), []);
    assert.deepEqual(ids([stolen, sight('consume')]), []);
  });
  it('queued by a chain: another task goes on with it behind that chain', () => {
    const hooks = brackets('nf-input', [chain('INPUT', 0)]);
    const by = (pid: number, context: number, index: number, us: number) =>
      sight('nf-input', {
        hook: hooks[index]!,
        us,
        comm: 'ids',
        has: ['task', 'context'],
        fields: { pid, context },
      });
    assert.equal(
      truth('queued', [by(5, 1, 0, 0), by(812, 0, 1, 250)]),
      'ip filter/INPUT (0) queued it (NFQUEUE); ids[812] gave it back 250 µs later.',
    );
    assert.deepEqual(ids([by(5, 1, 0, 0), by(812, 1, 1, 250)]), []);
    assert.deepEqual(ids([by(812, 0, 0, 0), by(812, 0, 1, 250)]), []);
  });
  it('stolen by br_netfilter, which has run the hook before', () => {
    const hook = (verdict: number) => sight('nf-prerouting', { has: ['verdict'], fields: { verdict } });
    assert.match(truth('ip-sabotage-in', [hook(1), hook(0), sight('nf-input')]), /no loss/);
  });
});

describe('where it went', () => {
  const drop = (more: Partial<Sight> = {}) =>
    sight('drop', {
      has: ['reason', 'location'],
      fields: { reason: 6, location: 0xffffffff81234560n },
      ...more,
    });
  const tap = (armed = true) => sight('rx-tap', { has: ['armed'], ...(armed && { is: ['armed'] as const }) });

  it('tcpdump shows it, yet it was dropped', () => {
    assert.equal(
      truth('dropped-after-tap', [tap(), sight('nf-input'), drop({ us: 3.1 })]),
      'tcpdump shows it on eth0 (way in), yet it was dropped 3.1 µs later in nf_hook_slow (NETFILTER_DROP).',
    );
    assert.match(truth('dropped-after-tap', [tap(false), drop()]), /^tcpdump would show it/);
  });
  it('by the chain between two brackets', () => {
    const [filter, security] = [chain('INPUT', 0), chain('INPUT', 50, { table: 'security' })];
    const hooks = brackets('nf-input', [filter, security]);
    const passed = hooks.slice(0, 2).map((hook) => sight('nf-input', { hook }));
    assert.match(
      truth('dropped-after-tap', [tap(), ...passed, drop()]),
      /by ip security\/INPUT \(50\) \(NETFILTER_DROP\)\.$/,
    );
    const all = hooks.map((hook) => sight('nf-input', { hook }));
    assert.match(truth('dropped-after-tap', [tap(), ...all, drop()]), /later in nf_hook_slow/);
    const elsewhere = drop({ fields: { reason: 3, location: 0xffffffff81777770n } });
    assert.match(truth('dropped-after-tap', [tap(), ...passed, elsewhere]), /by the transport protocol/);
    const answered = [tap(), ...passed, sight('xmit-done'), drop()];
    assert.match(truth('dropped-after-tap', answered), /by ip security\/INPUT \(50\)/);
  });
  it('tcpdump cannot show it', () => {
    assert.match(
      truth('dropped-before-tap', [sight('nf-output'), drop()]),
      /^tcpdump cannot show it: .* in nf_hook_slow/,
    );
  });
  it('is not claimed where no tap is watched, or the packet was under way already', () => {
    assert.deepEqual(ids([sight('nf-output'), drop()], {}, new Set<StageId>(['nf-output', 'drop'])), []);
    assert.deepEqual(ids([sight('nf-input'), drop()]), []);
    assert.deepEqual(ids([drop()]), []);
  });
  it('a clone for the taps is what tcpdump shows of a packet that the driver drops', () => {
    const sights = [sight('dev-queue'), sight('tx-tap', { branch: 1, mechanism: 'packet_socket' }), drop()];
    assert.match(truth('dropped-after-tap', sights, { branches: tapClone() }), /on eth0 \(way out\)/);
  });
  it('a clone for a tap that was dropped is no loss of the packet', () => {
    const sights = [
      sight('dev-queue'),
      sight('tx-tap', { branch: 1, mechanism: 'packet_socket' }),
      drop({ branch: 1 }),
    ];
    assert.deepEqual(ids(sights, { branches: tapClone() }), ['armed-by-tap']);
  });
});

describe('the sender', () => {
  const by = (stage: StageId, context?: number): Sight =>
    sight(stage, {
      comm: 'ping',
      has: ['task', ...(context === undefined ? [] : (['context'] as const))],
      fields: { pid: 812, ...(context !== undefined && { context }) },
    });
  it('is the task in whose system call it was made', () => {
    assert.deepEqual(senderOf(sceneOf([by('nf-output', 0)])), { pid: 812, comm: 'ping', inProcess: true });
  });
  it('is not whoever was interrupted, received it, or ran the qdisc', () => {
    for (const one of [
      by('nf-output', 1),
      by('nf-output'),
      by('rx-tap', 0),
      by('qdisc-dequeue', 0),
      by('tx-tap', 0),
    ])
      assert.equal(senderOf(sceneOf([one])), undefined, one.stage);
  });
});
