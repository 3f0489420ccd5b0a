/**
 * What the filter says in the kernel of packets without link header (BPF_PROG_TEST_RUN of the routine that every program
 * asks) is what libpcap says of the same bytes. Ethernet frames are those of filter-matrix.test.ts.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { filterAddon, verdict } from '../../src/filter/filter.js';
import { filterVerdicts, KernelFilterRun } from '../support/filter-run.js';
import { PCAP_LINKTYPE, readPcap } from '../support/pcap.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive([]) ?? false;
const DLT_RAW = 12;
const directory = 'test/fixtures/dissect';
const packets = readdirSync(directory)
  .filter((name) => name.endsWith('.pcap'))
  .flatMap((name) => [...readPcap(readFileSync(join(directory, name)))]);
const { Filter } = filterAddon();

const named = (yes: boolean): number => (yes ? verdict.yes : verdict.no);

describe('the kernel says what libpcap says', { skip }, () => {
  it('of packets without link header', () => {
    const raw = packets.filter(({ linkType }) => linkType === PCAP_LINKTYPE.raw);
    assert.ok(raw.length > 0);
    const bytes = raw.map((one) => one.bytes);
    for (const expression of [
      'ip',
      'ip6',
      'tcp port 80',
      'icmp',
      'host 192.0.2.1',
      'len > 60',
      'ip[8] > 64',
    ]) {
      const filter = new Filter(expression, DLT_RAW);
      const ethernet = new Filter(expression, PCAP_LINKTYPE.ethernet).instructions();
      const run = new KernelFilterRun({ ethernet, raw: filter.instructions() });
      const answers = run.rawVerdicts(bytes);
      run.close();
      assert.deepEqual(
        answers,
        bytes.map((one) => named(filter.matchLibpcap(one, one.length))),
        expression,
      );
    }
  });

  it('of a protochain that comes to the same header again and again: nothing, and neither does user space', () => {
    const packet = new Uint8Array(80);
    packet.set([0x86, 0xdd, 0x60], 12);
    // An authentication header that sets the place of the next one to its own.
    const [next, authentication] = [20, 51];
    packet.set([authentication], next);
    packet.set([authentication, 40 / 4 - 2], 14 + 40);
    const filter = new Filter('ip6 protochain 17', PCAP_LINKTYPE.ethernet, true, 'socket');
    assert.equal(filter.matchBytes(packet, packet.length), verdict.undecided);
    assert.deepEqual(filterVerdicts({ ethernet: filter.instructions() }, [{ bytes: packet }]), [
      verdict.undecided,
    ]);
  });
});
