/** A recording as pcapng, as tshark and capinfos read it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packagePath } from '../../../src/native/binding.js';
import type { TraceEvent } from '../../support/tracer.js';
import { fixture } from './replaying.js';

const main = packagePath('dist/bin/taptrace/main.js');
const directory = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
after(() => rmSync(directory, { recursive: true }));

function output(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const read = (...args: string[]): string => output(process.execPath, main, 'read', ...args);

interface Row extends TraceEvent {
  readonly packet?: number;
}

/** What tshark reads of each packet, by the names of its fields. */
function fields(file: string, names: readonly string[], filter = ''): string[][] {
  const args = [
    '-r',
    file,
    ...(filter ? ['-Y', filter] : []),
    '-T',
    'fields',
    ...names.flatMap((name) => ['-e', name]),
  ];
  const text = output('tshark', ...args);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'));
}

describe('a recording as pcapng', () => {
  const file = join(directory, 'path.pcapng');
  let events: Row[];
  before(() => {
    assert.equal(read(fixture('path.format1'), '-w', file), '');
    const lines = read(fixture('path.format1'), '--json').trimEnd().split('\n');
    events = lines.slice(1, -1).map((line) => JSON.parse(line) as Row);
  });

  it('has every event, with its time, length, direction, place and packet', () => {
    const names = ['frame.time_epoch', 'frame.len', 'frame.cap_len', 'frame.packet_flags_direction'];
    const rows = fields(file, [...names, 'frame.interface_name', 'frame.packet_id']);
    const expected = events.map(({ time, len, capLen, direction, stage, ifname, packet, data }) => {
      const nanos = /\.(\d{9})Z/.exec(time)![1];
      const flag = { rx: '0x00000001', tx: '0x00000002', forward: '0x00000000', unknown: '0x00000000' };
      const epoch = `${Math.floor(Date.parse(time) / 1000)}.${nanos}`;
      const captured = data === undefined ? 0 : capLen;
      return [epoch, `${len}`, `${captured}`, flag[direction], `${stage}@${ifname}`, `${packet}`];
    });
    const withoutNetns = rows.map((row) => row.with(4, row[4]!.replace(/^(.*@.*)@.*$/, '$1')));
    assert.deepEqual(withoutNetns, expected);
  });

  it('gives one journey by its packet id', () => {
    const packet = events.find(({ reason }) => reason === 'NETFILTER_DROP')!.packet!;
    const comments = fields(file, ['frame.comment'], `frame.packet_id == ${packet}`);
    assert.equal(comments.length, events.filter((event) => event.packet === packet).length);
    assert.match(comments.at(-1)![0]!, /^drop in kfree_skb; dropped: NETFILTER_DROP in netfilter LOCAL_IN/);
  });

  it('is read without complaint', () => {
    const { stdout, stderr } = spawnSync('capinfos', ['-M', '-c', '-n', file], { encoding: 'utf8' });
    assert.match(stdout, new RegExp(`Number of packets: *${events.length}$`, 'm'));
    assert.doesNotMatch(stderr, /capinfos:/);
    assert.deepEqual(fields(file, ['frame.number'], '_ws.malformed'), []);
  });

  it('of the taps alone has each packet once a tap, for Wireshark to analyse', () => {
    const taps = join(directory, 'taps.pcapng');
    read(fixture('path.format1'), '--stages', 'taps', '-w', taps);
    const wanted = events.filter(({ stage }) => stage.endsWith('-tap'));
    assert.equal(fields(taps, ['frame.number']).length, wanted.length);
    output('tcpdump', '-r', taps, '-w', join(directory, 'taps.pcap'));
  });
});
