/** Bad input: one clear line, at most one more with what to do, the right exit code, and nothing attached. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { linesSaid, runInShell, runTaptrace, type Said } from '../support/cli.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['bpftool']) ?? false;

let residue: Residue;
before(() => {
  if (!skip) residue = bpfResidue([]);
});

/** One line that says what was wrong, and perhaps one that helps; no trace of our own code. */
function assertClear(said: Said, exitCode: number, message: RegExp): void {
  assert.deepEqual(said.exit, { code: exitCode, signal: null }, said.stderr);
  const [first, ...hints] = linesSaid(said);
  assert.match(first ?? '', message);
  assert.ok(hints.length <= 1, said.stderr);
  assert.doesNotMatch(said.stderr, /\n\s+at |node:internal|\.js:\d+|Error:/);
  assert.equal(said.stdout, '');
}

interface Mistake {
  readonly args: readonly string[];
  readonly message: RegExp;
}

const mistakes: readonly Mistake[] = [
  { args: ['-i', 'nosuch0'], message: /^no interface 'nosuch0'$/ },
  { args: ['-i', 'lo', '-i', 'nosuch0'], message: /^no interface 'nosuch0'$/ },
  { args: ['--netns', 'nosuch'], message: /^no network namespace 'nosuch' / },
  { args: ['--netns', '4194303'], message: /^no network namespace '4194303' / },
  { args: ['--netns', '/dev/null'], message: /^'\/dev\/null' is no network namespace / },
  { args: ['--netns', '/proc/self/ns/mnt'], message: /^'\/proc\/self\/ns\/mnt' is no network namespace / },
  { args: ['--stages', 'nosuch'], message: /^unknown stage 'nosuch'/ },
  { args: ['--stages', 'rx-tap,nosuch'], message: /^unknown stage 'nosuch'/ },
  { args: ['--nosuch'], message: /^Unknown argument: nosuch$/ },
  { args: ['-Z'], message: /^Unknown argument: Z$/ },
  { args: ['-i'], message: /^Not enough arguments following: i$/ },
  { args: ['tcp', 'prot', '5'], message: /^filter 'tcp prot 5': .*syntax error/ },
  { args: ['host', 'no such'], message: /^filter 'host no such': / },
  { args: ['-s', '-5'], message: /^--snaplen -5: wants a whole number from 0 to 262144$/ },
  { args: ['--snaplen=abc'], message: /^--snaplen abc: wants a whole number/ },
  { args: ['-s', '1.5'], message: /^--snaplen 1.5: wants a whole number/ },
  { args: ['-s', '262145'], message: /^--snaplen 262145: wants a whole number/ },
  { args: ['--buffer-size', '0'], message: /^--buffer-size 0: wants a size/ },
  { args: ['--buffer-size', '-4'], message: /^--buffer-size -4: wants a size/ },
  { args: ['--buffer-size', '9G'], message: /^--buffer-size 9G: wants a size .* at most 1G$/ },
  { args: ['--arm', '--observe'], message: /^--arm opens packet sockets, which --observe forbids/ },
  { args: ['--mechanism', 'nonsense'], message: /^--mechanism nonsense: 'nonsense' is no stage$/ },
  {
    args: ['--mechanism', 'rx-tap=xdp'],
    message: /^--mechanism rx-tap=xdp: rx-tap cannot be watched by 'xdp'$/,
  },
  { args: ['-c', '0'], message: /^--count 0: wants a whole number from 1 / },
  { args: ['--duration', 'soon'], message: /^--duration soon: wants a number of seconds above 0$/ },
  { args: ['-Q', 'sideways'], message: /^--direction sideways: wants in, out or inout$/ },
  { args: ['-F', '/nosuch/file'], message: /^cannot read the filter file: .*\/nosuch\/file/ },
  { args: ['taps'], message: /^the command 'taps' is not in this version yet$/ },
  { args: ['stages', 'nosuch'], message: /^no stage 'nosuch'$/ },
  { args: ['path', 'tcp', 'prot', '5'], message: /^filter 'tcp prot 5': .*syntax error/ },
  { args: ['path', '-c', 'x'], message: /^--count x: wants a whole number from 1 / },
  { args: ['compare', 'host', 'no such'], message: /^filter 'host no such': / },
  { args: ['compare', '-i', 'nosuch0'], message: /^no interface 'nosuch0'$/ },
  { args: ['doctor', '--nosuch'], message: /^Unknown argument: nosuch$/ },
];

describe('a mistake on the command line', { skip }, () => {
  for (const { args, message } of mistakes)
    it(`taptrace ${args.join(' ')}`, async () => {
      assertClear(await runTaptrace(args), 2, message);
    });
  it('drives no terminal by what it repeats', async () => {
    for (const args of [['-i'], ['--netns'], ['--stages'], ['-s'], ['-F'], ['--mechanism'], ['-Q'], []]) {
      const { exit, stderr } = await runTaptrace([...args, 'a\u001b[31mb\u009b1m']);
      assert.deepEqual(exit, { code: 2, signal: null });
      assert.match(stderr, /a\\x1b\[31mb/);
      assert.doesNotMatch(stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
  });
  it('attached nothing', async () => assert.deepEqual(await residueSince(residue, []), []));
});

describe('a buffer size that cannot be had as it is', { skip }, () => {
  const trace = async (args: readonly string[]) => {
    const said = await runTaptrace([...args, '--duration', '0.1', '--json']);
    assert.deepEqual(said.exit, { code: 0, signal: null });
    const summary = JSON.parse(said.stdout.trim().split('\n').at(-1)!);
    return { first: linesSaid(said)[0], bytes: summary.ringHighWater.ofBytes };
  };

  it('no power of two: is rounded up, and that is said', async () => {
    const { first, bytes } = await trace(['--buffer-size', '3000']);
    assert.equal(first, '--buffer-size 3000 is no power of two: rounded up to 4096 KiB');
    assert.equal(bytes, 4096 << 10);
  });
  it('too small for the snaplen: is raised, and that is said', async () => {
    const { first, bytes } = await trace(['--buffer-size', '4', '-s', '0']);
    assert.equal(first, '--buffer-size 4 cannot hold four packets of this snaplen: raised to 2048 KiB');
    assert.equal(bytes, 2048 << 10);
  });
  it('a power of two is taken without a word', async () => {
    const { first, bytes } = await trace(['-B', '512K']);
    assert.match(first ?? '', /^watching /);
    assert.equal(bytes, 512 << 10);
  });
});

describe('an output that cannot be written', { skip }, () => {
  const ping = 'for i in 1 2 3 4 5 6; do sleep 0.3; ping -q -c 1 127.0.0.1 >/dev/null; done &';
  const commands: Readonly<Record<string, readonly string[]>> = {
    'trace as text': ['-i', 'lo'],
    'trace as JSON': ['-i', 'lo', '--json'],
    stages: ['stages'],
    doctor: ['doctor', '--json'],
  };
  for (const [name, args] of Object.entries(commands))
    it(`${name}: exit code 1 and a clear line`, async () => {
      const said = await runInShell(
        `${ping} "$@" >/dev/full; code=$?; kill %1 2>/dev/null; exit $code`,
        args,
      );
      assert.deepEqual(said.exit, { code: 1, signal: null }, said.stderr);
      assert.match(linesSaid(said).at(-1)!, /^cannot write the output: ENOSPC/);
    });
  it('leaves nothing attached', async () => assert.deepEqual(await residueSince(residue, []), []));
});
