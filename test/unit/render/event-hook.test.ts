/** An event that a link of ours saw says between which chains. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HookPosition } from '../../../src/netfilter/types.js';
import { ByteWriter } from '../../../src/render/byte-writer.js';
import { EventJson } from '../../../src/render/event-json.js';
import { EventText } from '../../../src/render/event-text.js';
import { gapJson } from '../../../src/render/trace-json.js';
import { ipv4Udp } from '../../support/frames.js';
import { chain } from '../netfilter/chains.js';
import { type EventContent, names, tapEvent } from '../support/events.js';
import { options, plain } from '../support/texts.js';

const hook: HookPosition = {
  ...{ family: 'ip', stage: 'nf-input', netnsInum: 1, index: 2, count: 5, priority: 1 },
  ...{ before: [chain('in', 0)], after: [chain('\u001b[31mred', 2)] },
};
const flow = { src: '192.0.2.1', dst: '192.0.2.2', sport: 40000, dport: 40001 };
const seen: EventContent = {
  ...{ stage: 'nf-input', mechanism: 'netfilter', hook, data: ipv4Udp(flow, new Uint8Array(4)) },
  ...{ fields: { ifindex: 2, ifindexOut: 3, link: 1, protocol: 0x800 }, has: ['ifindex', 'ifindexOut'] },
};

function jsonOf(content: EventContent): Record<string, unknown> {
  const out = new ByteWriter();
  new EventJson(names, out).write(tapEvent(content));
  return JSON.parse(new TextDecoder().decode(out.bytes));
}

test('in JSON: the position with the chains passed and ahead, and the device it leaves by', () => {
  const { hook: told, ifindexOut, data, linkType } = jsonOf(seen);
  assert.deepEqual(told, {
    ...{ family: 'ip', hook: 'input', priority: 1, position: 2, of: 5 },
    ...{ passed: hook.before, ahead: hook.after },
  });
  assert.equal(ifindexOut, 3);
  assert.equal(linkType, 'raw');
  assert.match(String(data), /^45/);
});

test('without a position there is no such key', () => {
  const { hook: _, ...unplaced } = seen;
  assert.equal('hook' in jsonOf(unplaced), false);
});

test('as text: in brackets behind the packet, the names of others made harmless', () => {
  const widths = { stage: 8, function: 12, device: 4 };
  const text = new EventText(names, { ...options, timeFormat: 1 }, plain, widths).render(tapEvent(seen));
  assert.match(text, /^nf-input nf_hook_slow eth0 IP 192\.0\.2\.1\.40000 > .*UDP, length 4/);
  assert.match(text, / \[after inet filter\/in \(0\), before inet filter\/[^\u001b]*31mred \(2\)\]\n$/);
});

test('a gap is a line of its own between events', () => {
  assert.deepEqual(gapJson({ netnsInum: 7, fromNs: 10n, toNs: 20n, text: 'changed' }), {
    ...{ type: 'gap', tsNs: '20', fromTsNs: '10', netns: 7, text: 'changed' },
  });
});
