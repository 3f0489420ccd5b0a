/** What `taptrace read` refuses of capture files, and how it ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fixturePath } from '../dissect/corpus.js';
import { Pcapng, pcap, scratch } from './captures.js';
import { main, run } from './reader.js';

const at = scratch();

describe('what is asked of a capture file and cannot be', () => {
  const tcp = fixturePath('tcp');
  for (const [args, message, hint] of [
    [['--view', 'path'], /^taptrace: --view path needs the stages and ends of packets/, /taptrace path -w/],
    [['--view', 'compare'], /^taptrace: --view compare needs the stages/, /taptrace path -w/],
    [['--pid', '1'], /--pid asks what .*tcp.pcap does not tell/, /taptrace -w/],
    [['-w', 'x.taptrace'], /a capture file makes no recording/, /\.pcapng/],
    [['tcp', 'or', 'or'], /syntax error at/, /man pcap-filter/],
  ] as const)
    it(`is refused: ${args.join(' ')}`, () => {
      const { status, stdout, stderr } = run([tcp, ...args]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, message);
      assert.match(stderr, hint);
    });
});

describe('how it ends', () => {
  const bytes = readFileSync(fixturePath('tcp'));
  for (const [what, input, code, message] of [
    [
      'cut',
      bytes.subarray(0, -3),
      1,
      /- ends in the middle: .* \(byte \d+\); everything before that is here$/m,
    ],
    ['damaged', Buffer.concat([bytes, Buffer.alloc(16, 0xff)]), 1, /- is damaged \(byte \d+\)/],
    [
      'of another version',
      Buffer.concat([bytes.subarray(0, 4), Buffer.alloc(40)]),
      2,
      /its header is damaged/,
    ],
    ['gzip', Buffer.from('1f8b08000000000000', 'hex'), 2, /compressed by gzip\ntaptrace: .*gunzip -c/],
    ['empty', Buffer.alloc(0), 2, /it is empty/],
  ] as const)
    it(`${what}: ${code}`, () => {
      const { status, stderr } = run(['-', '-t'], input);
      assert.equal(status, code, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });

  it('with 4 where packets were lost and that is to fail', () => {
    const ng = new Pcapng(true);
    const file = at('lost.pcapng');
    const statistics = ng.statistics(0, 2n, [[7, { u64: 3n }]]);
    writeFileSync(file, Buffer.concat([ng.section(), ng.interface(1, 0), statistics]));
    const { status, stderr } = run([file, '--fail-on-loss']);
    assert.equal(status, 4);
    assert.match(stderr, /NOT complete: the capture lost 3 packets, as the file tells/);
  });

  it('in flat memory, however long the file is', { timeout: 100_000 }, async () => {
    const bytesOf = 'process.on("exit",()=>console.error("KiB",process.resourceUsage().maxRSS))';
    const args = [
      '--import',
      `data:text/javascript,${bytesOf}`,
      main,
      'read',
      '-',
      '-w',
      '-',
      '--write-format',
      'pcapng',
    ];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => {
      stderr += data;
    });
    const bytes = Buffer.alloc(10_000, 'x');
    const packets = Array.from({ length: 100 }, (_, seconds) => ({ seconds, ticks: 0, bytes }));
    const portion = pcap({}, packets).subarray(24);
    child.stdin.write(pcap({}, []));
    for (let portions = 0; portions < 400; portions += 1)
      if (!child.stdin.write(portion)) await once(child.stdin, 'drain');
    child.stdin.end();
    const [status] = (await once(child, 'exit')) as [number];
    assert.equal(status, 0, stderr);
    assert.match(stderr, /40000 packets are in the file/);
    const kib = Number(/KiB (\d+)/.exec(stderr)![1]);
    assert.ok(kib < 200 * 1024, `${kib} KiB`);
  });
});
