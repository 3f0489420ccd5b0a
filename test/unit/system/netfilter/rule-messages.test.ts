/** Real messages of nft's tracing, against what `nft monitor trace` said at the same moment. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { hitOf } from '../../../../src/netfilter/rule-trace.js';
import { parseRuleTrace } from '../../../../src/system/netfilter/rule-messages.js';
import { parseMessages } from '../../../../src/system/netlink.js';

const bytes = new Uint8Array(readFileSync('test/fixtures/system/nft-trace.netlink'));
const traces = parseMessages(bytes).map((message) => parseRuleTrace(message)!);
const monitor = readFileSync('test/fixtures/system/nft-trace.txt', 'utf8').trim().split('\n');

const idText = (id: number): string => id.toString(16).padStart(8, '0');

describe('messages of nft', () => {
  it('tell of rules and policies what its monitor tells, in order', () => {
    const told = traces.flatMap((trace) => {
      const hit = hitOf(trace);
      if (!hit) return [];
      const what = hit.handle === undefined ? `policy ${hit.verdict}` : `rule ${hit.verdict}`;
      return [`${idText(trace.id)} ${hit.family} ${hit.table} ${hit.chain} ${what}`];
    });
    const expected = monitor.flatMap((line) => {
      const [, where, rest] = /^trace id (\S+ \S+ \S+ \S+) (.*?) *$/.exec(line)!;
      if (rest!.startsWith('policy')) return [`${where} ${rest}`];
      const verdict = /\(verdict (.*)\)$/.exec(rest!)?.[1];
      return verdict === undefined ? [] : [`${where} rule ${verdict}`];
    });
    assert.ok(expected.length >= 7);
    assert.deepEqual(told, expected);
  });

  it('have the headers once for each packet in a base chain, and say by which hook', () => {
    const begun = traces.filter(({ network }) => network);
    const packets = monitor.filter((line) => line.includes(' packet: '));
    assert.equal(begun.length, packets.length);
    for (const [index, { network, transport, nfproto, goesOut }] of begun.entries()) {
      const line = packets[index]!;
      const isIpv4 = line.includes(' ip saddr ');
      assert.equal(network!.length, isIpv4 ? 20 : 40);
      assert.equal(nfproto, isIpv4 ? 2 : 10);
      assert.equal(goesOut, line.includes('oif'));
      const view = new DataView(transport!.buffer);
      if (isIpv4) assert.equal(view.getUint16(2), Number(/udp dport (\d+)/.exec(line)![1]));
    }
  });

  it('are no rules where they end a chain', () => {
    const ends = traces.filter(({ kind }) => kind === 'end');
    assert.ok(ends.length > 0);
    for (const end of ends) assert.equal(hitOf(end), undefined);
  });

  it('of another type, or cut short, are nothing', () => {
    assert.equal(parseRuleTrace({ type: 0xa10, payload: new DataView(new ArrayBuffer(64)) }), undefined);
    const [{ type, payload }] = parseMessages(bytes) as [{ type: number; payload: DataView }];
    for (let length = 4; length < 40; length += 1)
      parseRuleTrace({ type, payload: new DataView(payload.buffer, payload.byteOffset, length) });
    assert.equal(
      parseRuleTrace({ type, payload: new DataView(payload.buffer, payload.byteOffset, 4) }),
      undefined,
    );
  });
});
