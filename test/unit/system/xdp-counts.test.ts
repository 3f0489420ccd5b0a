import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readXdpCounts, xdpCountsOf } from '../../../src/system/xdp-counts.js';

describe('XDP counters of drivers', () => {
  it('veth: sums of all queues, and nothing that only sounds like it', () => {
    const statistics = {
      peer_ifindex: 2,
      rx_queue_0_xdp_packets: 100,
      rx_queue_0_drops: 3,
      rx_queue_0_xdp_redirect: 1,
      rx_queue_0_xdp_drops: 40,
      rx_queue_0_xdp_tx: 2,
      rx_queue_0_xdp_tx_errors: 9,
      tx_queue_0_xdp_xmit: 8,
      tx_queue_0_xdp_xmit_errors: 8,
      rx_queue_1_xdp_redirect: 10,
      rx_queue_1_xdp_drops: 2,
      rx_queue_1_xdp_tx: 20,
    };
    assert.deepEqual(xdpCountsOf(statistics), { drop: 42, tx: 22, redirect: 11 });
  });

  it("a driver's own total is not added to those of its queues", () => {
    const statistics = {
      rx_xdp_drop: 7,
      rx_xdp_tx_xmit: 3,
      rx0_xdp_drop: 5,
      rx1_xdp_drop: 2,
      rx0_xdp_tx_xmit: 3,
    };
    assert.deepEqual(xdpCountsOf(statistics), { drop: 7, tx: 3 });
  });

  it('knows aborted frames, and drivers without such counters', () => {
    assert.deepEqual(xdpCountsOf({ queue_0_rx_xdp_aborted: 4, queue_0_rx_xdp_pass: 5 }), { aborted: 4 });
    assert.deepEqual(xdpCountsOf({ rx_packets: 4 }), {});
    assert.equal(readXdpCounts({ deviceStatistics: () => ({ rx_packets: 4 }) }, null, 'eth0'), undefined);
  });

  it('a device that is gone counts nothing', () => {
    const deviceStatistics = () => {
      throw new Error('no such device');
    };
    assert.equal(readXdpCounts({ deviceStatistics }, null, 'eth0'), undefined);
  });
});
