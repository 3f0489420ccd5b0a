/** Our run of compiled filters against libpcap's own (pcap_offline_filter), packet by packet. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type FilterAddon, filterAddon, verdict } from '../../../src/filter/filter.js';
import { expressions as all } from '../../support/filters/expressions.js';
import { PCAP_LINKTYPE, readPcap } from '../../support/pcap.js';

type NativeFilter = InstanceType<FilterAddon['Filter']>;

const { Filter } = filterAddon();
/** Without the three that keep libpcap's optimizer busy for seconds. */
const expressions = all.filter(({ length }) => length < 1000);
const directory = 'test/fixtures/dissect';
const DLT_RAW = 12;
const corpus = readdirSync(directory)
  .filter((name) => name.endsWith('.pcap'))
  .flatMap((name) => [...readPcap(readFileSync(join(directory, name)))]);
const ethernet = corpus.filter(({ linkType }) => linkType === PCAP_LINKTYPE.ethernet);
const raw = corpus.filter(({ linkType }) => linkType === PCAP_LINKTYPE.raw);

const named = (yes: boolean): number => (yes ? verdict.yes : verdict.no);

/** A verdict over cut bytes is that over all of them, or none at all. */
function assertSound(filter: NativeFilter, bytes: Uint8Array, kept: number, expression: string): void {
  const whole = named(filter.matchLibpcap(bytes, bytes.length));
  assert.equal(filter.matchBytes(bytes, bytes.length), whole, `'${expression}'`);
  const cut = filter.matchBytes(bytes.subarray(0, kept), bytes.length);
  if (cut !== verdict.undecided)
    assert.equal(cut, whole, `'${expression}', ${kept} of ${bytes.length} bytes`);
}

describe('every verdict is that of libpcap', () => {
  it('over the fixtures, and some programs that are not optimized', () => {
    for (const [at, expression] of expressions.entries()) {
      for (const optimize of at % 4 === 0 ? [true, false] : [true]) {
        const filter = new Filter(expression, PCAP_LINKTYPE.ethernet, optimize);
        for (const { bytes } of ethernet) assertSound(filter, bytes, bytes.length >> 1, expression);
      }
    }
  });

  it('the fixtures hold packets that match and packets that do not, for most expressions', () => {
    assert.ok(ethernet.length > 500, `${ethernet.length} packets`);
    const telling = expressions.filter((expression) => {
      const filter = new Filter(expression, PCAP_LINKTYPE.ethernet);
      const verdicts = ethernet.map(({ bytes }) => filter.matchLibpcap(bytes, bytes.length));
      return verdicts.includes(true) && verdicts.includes(false);
    });
    assert.ok(telling.length > 80, `${telling.length} of ${expressions.length}`);
  });

  it('packets without a link header', () => {
    assert.ok(raw.length > 0);
    for (const expression of ['ip', 'ip6', 'tcp port 80', 'icmp', 'host 192.0.2.1', 'len > 60']) {
      const filter = new Filter(expression, DLT_RAW);
      for (const { bytes } of raw) assertSound(filter, bytes, bytes.length >> 1, expression);
    }
  });
});

describe('bytes that were not captured', () => {
  const syn = ethernet.find(({ bytes }) =>
    new Filter('tcp and not vlan', 1).matchLibpcap(bytes, bytes.length),
  );
  const bytes = syn!.bytes;
  const over = (expression: string, kept: number): number =>
    new Filter(expression, PCAP_LINKTYPE.ethernet).matchBytes(bytes.subarray(0, kept), bytes.length);

  it('leave a filter undecided exactly where it has to read them', () => {
    assert.equal(over('ip', 14), verdict.yes);
    assert.equal(over('ip', 13), verdict.undecided);
    assert.equal(over('arp', 14), verdict.no);
    assert.equal(over('tcp', 23), verdict.undecided);
    assert.equal(over('tcp', 24), verdict.yes);
    assert.equal(over('len > 20', 0), verdict.yes);
  });

  it('a packet that is really too short is refused, not left open', () => {
    const filter = new Filter('ip', PCAP_LINKTYPE.ethernet);
    assert.equal(filter.matchBytes(bytes.subarray(0, 13), 13), verdict.no);
    assert.equal(filter.matchBytes(new Uint8Array(0), 0), verdict.no);
  });
});
