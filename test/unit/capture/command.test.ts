/** `taptrace read` of capture files: what it prints and writes. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { readCapture } from '../../../src/format.js';
import type { CapturedPacketLine } from '../../../src/lines/capture.js';
import type { EventLine } from '../../../src/lines/event.js';
import { checkLines } from '../../support/schema.js';
import { fixturePath } from '../dissect/corpus.js';
import { fixture } from '../record/replaying.js';
import { scratch } from './captures.js';
import { main, read } from './reader.js';

const at = scratch();
const packetsOf = (text: string): CapturedPacketLine[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as CapturedPacketLine)
    .filter(({ type }) => type === 'packet');

describe('a pcapng file of ours', () => {
  const file = at('path.pcapng');
  let events: EventLine[];
  before(() => {
    read(fixture('path.format1'), '-w', file);
    const lines = read(fixture('path.format1'), '--json').trimEnd().split('\n');
    events = lines.slice(1, -1).map((line) => JSON.parse(line) as EventLine);
  });

  it('tells stage, device, namespace, direction and packet, as the recording does', () => {
    const text = read(file, '--json');
    assert.deepEqual(checkLines(text).packet, events.length);
    const facts = packetsOf(text).map((line) => {
      const { time, stage, netns, ifname, direction, packetId, len, summary, proto } = line;
      return { time, stage, netns, ifname: ifname?.split('@')[0], direction, packetId, len, summary, proto };
    });
    const expected = events.map((event) => {
      const { time, stage, netns, ifname, direction, packet, len, proto } = event;
      const isKnown = direction === 'rx' || direction === 'tx';
      const summary = event.summary ?? `unknown link layer, length ${len}`;
      return {
        time,
        stage,
        netns,
        ifname,
        direction: isKnown ? direction : undefined,
        packetId: `${packet}`,
        len,
        summary,
        proto,
      };
    });
    assert.deepEqual(facts, expected);
  });

  it('is shown as the recording is: time, stage, function, device, packet', () => {
    // Without what stands in brackets, and behind a packet of which only its length is known.
    const fields = (text: string): string[][] =>
      text.split('\n').map((line) =>
        line
          .replace(/( \d+ bytes).*/, '$1')
          .split(/ +/)
          .slice(0, 8),
      );
    assert.deepEqual(fields(read(file)), fields(read(fixture('path.format1'))));
  });

  it('is narrowed down by stage, device, direction and length', () => {
    const count = (...args: string[]): number => read(file, ...args).split('\n').length - 1;
    const wanted = (test: (event: EventLine) => boolean): number => events.filter(test).length;
    assert.equal(
      count('--stages', 'taps'),
      wanted(({ stage }) => stage.endsWith('-tap')),
    );
    assert.equal(
      count('-i', 'r?'),
      wanted(({ ifname }) => /^r.$/.test(ifname ?? '')),
    );
    assert.equal(
      count('-Q', 'out'),
      wanted(({ direction }) => direction === 'tx'),
    );
    assert.equal(
      count('--min-len', '80'),
      wanted(({ len }) => len >= 80),
    );
    assert.equal(count('-c', '3'), 3);
  });

  it('is written again as it was', () => {
    const [once, twice] = [at('once.pcapng'), at('twice.pcapng')];
    read(file, '-w', once);
    read(once, '-w', twice);
    assert.ok(readFileSync(once).equals(readFileSync(twice)));
    const without = (text: string): string => text.replace(/"application":"[^"]*"/g, '');
    assert.equal(without(read(once, '--json')), without(read(file, '--json')));
  });

  it('survives mergecap, which names another program', () => {
    const merged = at('merged.pcapng');
    execFileSync('mergecap', ['-w', merged, file]);
    assert.equal(packetsOf(read(merged, '--json')).filter(({ stage }) => stage).length, events.length);
  });
});

describe('a capture file of another program', () => {
  it('becomes pcapng that tshark reads the same', () => {
    const file = at('all.pcapng');
    const names = ['frame.time_epoch', 'frame.len', 'frame.cap_len', 'frame.protocols', 'frame.comment'];
    const args = ['-T', 'fields', ...names.flatMap((name) => ['-e', name])];
    const shown = (path: string): string =>
      execFileSync('tshark', ['-r', path, ...args], { encoding: 'utf8' });
    for (const path of [fixturePath('raw'), fixturePath('vlan'), fixturePath('cut.s54')]) {
      read(path, '-w', file);
      assert.equal(shown(file), shown(path), path);
    }
  });

  it('comes through a pipe, packet by packet', async () => {
    const child = spawn(process.execPath, [main, 'read', '-', '-t', '-l'], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const bytes = readFileSync(fixturePath('tcp'));
    const first = 24 + 16 + bytes.readUInt32LE(24 + 8);
    child.stdin.write(bytes.subarray(0, first));
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    assert.match(String(line), /^IP 10\.0\.0\.1\.\d+ > .*\n$/);
    child.kill('SIGINT');
    const [status] = (await once(child, 'exit')) as [number];
    assert.equal(status, 0);
  });

  it('gives the library the same lines', async () => {
    const run = readCapture(fixturePath('tcp'), { filter: 'tcp[13] & 2 != 0', count: 3 });
    const lines = [];
    for await (const line of run) lines.push(line);
    const all = [await run.header, ...lines, await run.summary].map((line) => JSON.stringify(line));
    assert.equal(`${all.join('\n')}\n`, read(fixturePath('tcp'), '--json', '-c', '3', 'tcp[13] & 2 != 0'));
  });

  it('that is damaged gives the library what is whole, then throws', async () => {
    const file = at('cut.pcap');
    writeFileSync(file, readFileSync(fixturePath('tcp')).subarray(0, -1));
    const lines = [];
    await assert.rejects(
      async () => {
        for await (const line of readCapture(file)) lines.push(line);
      },
      { code: 'recording-damaged' },
    );
    assert.ok(lines.length > 10);
  });
});
