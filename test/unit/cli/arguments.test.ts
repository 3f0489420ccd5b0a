import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asRead,
  type CommandName,
  commands,
  laterCommands,
  unpackShortOptions,
} from '../../../src/cli/arguments.js';

const unpack = (line: string): string => unpackShortOptions(line.split(' ')).join(' ');

test('packed letters come apart, and the value of the last one with them', () => {
  for (const [line, expected] of [
    ['-nni eth0', '-n -n -i eth0'],
    ['-nnieth0', '-n -n -i eth0'],
    ['-ieth0 -c10', '-i eth0 -c 10'],
    ['-exXvvv', '-e -x -X -v -v -v'],
    ['-ttttt', '-t -t -t -t -t'],
    ['-s0', '-s 0'],
    ['-lnQin', '-l -n -Q in'],
    ['-iinn', '-i inn'],
    ['-F/tmp/filter -B4096', '-F /tmp/filter -B 4096'],
  ] as const)
    assert.equal(unpack(line), expected, line);
});

test('words, long options, numbers and a lone dash stay as they are', () => {
  for (const line of ['tcp port 80', '--interface eth0 --json', '--snaplen=96', '-1', '-', 'a-b', '-5 > 3'])
    assert.equal(unpack(line), line);
  assert.deepEqual(unpackShortOptions(['']), ['']);
});

test('nothing behind -- is an option', () => {
  assert.equal(unpack('-nn -- -nn -i'), '-n -n -- -nn -i');
});

test('commands of this version and of later ones are told apart', () => {
  for (const command of commands) assert.ok(!laterCommands.includes(command));
});

test('-r makes of a live command the reading of a recording, with its view', () => {
  const reading = (line: string): string | undefined => {
    const [command, ...words] = line.split(' ') as [CommandName, ...string[]];
    return asRead(command, unpackShortOptions(words))?.join(' ');
  };
  for (const [line, expected] of [
    ['trace -nr f tcp port 80', '--view trace f -n tcp port 80'],
    ['path -rf -c1', '--view path f -c 1'],
    ['compare --read f', '--view compare f'],
    ['trace --read=f -e', '--view trace f -e'],
    ['trace -i eth0', undefined],
    ['trace -- -r f', undefined],
    ['stages -r f', undefined],
  ] as const)
    assert.equal(reading(line), expected, line);
});
