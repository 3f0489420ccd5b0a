/** The program as a process, as far as it goes without rights: exit codes, and which stream says what. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { packagePath } from '../../../src/native/binding.js';

const main = packagePath('dist/bin/taptrace/main.js');

function taptrace(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('--version and --help go to stdout', () => {
  assert.match(taptrace('--version').stdout, /^\d+\.\d+\.\d+\n$/);
  const { status, stdout, stderr } = taptrace('--help');
  assert.deepEqual([status, stderr], [0, '']);
  for (const option of ['--interface', '--arm', '--mechanism', '--fail-on-loss'])
    assert.ok(stdout.includes(option), option);
  for (const command of ['trace', 'stages', 'doctor']) {
    assert.match(taptrace(command, '-h').stdout, new RegExp(`^taptrace (\\[trace\\]|${command}) `));
  }
});

for (const [args, told] of [
  [['--bogus'], /bogus/],
  [['-s', '-1'], /snaplen/],
  [['tcp', 'prot', '80'], /filter 'tcp prot 80': .*syntax error/],
  [['stages', 'rx-tab'], /no stage 'rx-tab'/],
  [['taps'], /the command 'taps' is not in this version yet/],
  [['-F', '/no/such/file'], /cannot read the filter file/],
  [['-F', '/no/such/file', 'tcp'], /choose one/],
  [['--stages', '\u001b[2Jx'], /\\x1b\[2Jx/],
  [['read'], /read needs the name of a recording/],
  [['read', '/no/such/file'], /cannot read \/no\/such\/file: ENOENT/],
  [['-r', '/dev/null'], /\/dev\/null is no recording of taptrace: it is empty/],
  [['read', '/dev/null', '--view', 'map'], /--view map: there is no such view/],
  [['-w', 'x.pcap'], /a pcap file has no room for stages/],
  [['-w', 'x', '--write-format', 'erf'], /--write-format erf: there is no such format/],
  [['-w', '-', '--print'], /both write to standard output/],
  [['path', '-w', 'x.pcapng'], /path and compare write recordings, not pcapng/],
  [['-w', '/no/such/directory/x'], /cannot write \/no\/such\/directory\/x: ENOENT/],
] as const) {
  test(`taptrace ${args.join(' ').replace('\u001b', '\\x1b')}: exit code 2, told on stderr`, () => {
    const { status, stdout, stderr } = taptrace(...args);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, told);
    const lines = stderr.trimEnd().split('\n');
    assert.ok(lines.length <= 2, stderr);
    for (const line of lines) assert.ok(line.startsWith('taptrace: '), line);
  });
}
