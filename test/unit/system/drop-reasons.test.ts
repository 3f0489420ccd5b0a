import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DropReasons } from '../../../src/system/drop-reasons.js';

/** include/net/dropreason-core.h, dropreason.h, net/openvswitch/drop.h, as one kernel numbers them. */
const enums: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  skb_drop_reason: {
    SKB_NOT_DROPPED_YET: 0,
    SKB_CONSUMED: 1,
    SKB_DROP_REASON_NOT_SPECIFIED: 2,
    SKB_DROP_REASON_MAX: 99,
    SKB_DROP_REASON_SUBSYS_MASK: 0xffff0000,
  },
  skb_drop_reason_subsys: {
    SKB_DROP_REASON_SUBSYS_CORE: 0,
    SKB_DROP_REASON_SUBSYS_MAC80211_UNUSABLE: 1,
    SKB_DROP_REASON_SUBSYS_OPENVSWITCH: 2,
    SKB_DROP_REASON_SUBSYS_NEW: 3,
  },
  'ovs_drop_reason in openvswitch': { __OVS_DROP_REASON: 0x20000, OVS_DROP_EXPLICIT: 0x20003 },
};
const asked: string[] = [];
const reasons = new DropReasons({
  btfEnum(name, module) {
    const key = module ? `${name} in ${module}` : name;
    asked.push(key);
    return enums[key] ?? null;
  },
});

test('reasons of the core, without their prefix; those without a name by number', () => {
  assert.deepEqual(
    [0, 1, 2, 99, 200].map((value) => reasons.name(value)),
    ['NOT_DROPPED_YET', 'CONSUMED', 'NOT_SPECIFIED', 'reason 99', 'reason 200'],
  );
});

test('reasons of a subsystem are told with it, from the BTF of its module', () => {
  assert.equal(reasons.name(0x20003), 'OPENVSWITCH EXPLICIT');
  assert.equal(reasons.name(0x20009), 'OPENVSWITCH 9');
});

test('a subsystem whose reasons are not known keeps its name, an unknown one its number', () => {
  assert.equal(reasons.name(0x10002), 'MAC80211_UNUSABLE 2');
  assert.equal(reasons.name(0x30001), 'NEW 1');
  assert.equal(reasons.name(0x40001), 'reason 0x40001');
});

test('each enum is asked for once', () => {
  assert.equal(new Set(asked).size, asked.length);
});
