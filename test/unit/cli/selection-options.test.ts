/** The options that choose packets by what the kernel knows of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpackShortOptions } from '../../../src/cli/arguments.js';
import { journeyOptions, pathStages } from '../../../src/cli/journey-options.js';
import { parse } from '../../../src/cli/parse.js';
import { selectionOf } from '../../../src/cli/selection-options.js';
import { eventOptions, type TraceArguments } from '../../../src/cli/trace-options.js';
import { UsageError } from '../../../src/errors.js';
import type { PacketSelection } from '../../../src/trace/packet-selection.js';

async function argumentsOf(line: string, command: 'trace' | 'path' = 'trace'): Promise<TraceArguments> {
  const parsed = await parse(command, unpackShortOptions(line.split(' ').filter(Boolean)));
  assert.ok(!parsed.done);
  return parsed.args;
}

const selection = async (line: string): Promise<PacketSelection> => selectionOf(await argumentsOf(line));

async function refusal(line: string): Promise<string> {
  try {
    eventOptions(await argumentsOf(line), undefined);
  } catch (error) {
    assert.ok(error instanceof UsageError, `${line}: ${error}`);
    return error.message;
  }
  return assert.fail(`${line} was accepted`);
}

test('nothing asked is nothing selected', async () => {
  assert.deepEqual(await selection(''), {});
  assert.deepEqual(await selection('-Q inout'), {});
});

test('every option is one question', async () => {
  const line =
    '--mark 0x10/0xff --reason NO_SOCKET,NETFILTER_DROP --pid 1,2 --pid 3 --comm curl --uid 0,1000 ' +
    '--min-len 0 --max-len 262144 --sample 100 -Q out';
  assert.deepEqual(await selection(line), {
    mark: { value: 0x10, mask: 0xff },
    reasons: ['NO_SOCKET', 'NETFILTER_DROP'],
    ...{ pids: [1, 2, 3], comms: ['curl'], uids: [0, 1000] },
    ...{ minLen: 0, maxLen: 262144, sample: 100, direction: 'out' },
  });
});

test('a mark without a mask is the whole mark, and a mark of 0 is one', async () => {
  assert.deepEqual((await selection('--mark 0')).mark, { value: 0, mask: 0xffff_ffff });
  assert.deepEqual((await selection('--mark 4294967295')).mark, { value: 0xffff_ffff, mask: 0xffff_ffff });
  assert.deepEqual((await selection('--mark 0/0x1')).mark, { value: 0, mask: 1 });
});

test('what is bad is refused by the name of its option', async () => {
  for (const [line, message] of [
    ['--mark', /mark/],
    ['--mark x', /^--mark x: wants VALUE or VALUE\/MASK/],
    ['--mark 1/', /^--mark 1\/: wants VALUE/],
    ['--mark 1/2/3', /^--mark 1\/2\/3: wants VALUE/],
    ['--mark -1', /mark/],
    ['--mark 0x100000000', /^--mark 0x100000000: wants VALUE/],
    ['--mark 0x10/0x0f', /matches nothing/],
    ['--pid 0', /^--pid 0: wants a whole number from 1 to 4194304/],
    ['--pid 1,', /^--pid 1,: a value is empty/],
    ['--pid self', /^--pid self: wants a whole number/],
    ['--uid root', /^--uid root: wants a whole number/],
    ['--uid 4294967295', /^--uid 4294967295: wants/],
    ['--comm abcdefghijklmnop', /^--comm abcdefghijklmnop: names of tasks have at most 15 bytes/],
    ['--min-len 10 --max-len 9', /no packet is both/],
    ['--min-len 1.5', /^--min-len 1\.5: wants/],
    ['--max-len 262145', /^--max-len 262145: wants/],
    ['--sample 0', /^--sample 0: wants a whole number from 1/],
    [`--pid ${Array.from({ length: 65 }, (_, n) => n + 1).join()}`, /^--pid: at most 64 values/],
    ['--follow', /^--follow: every packet matches/],
    ['--stages taps --reason NO_SOCKET', /^--reason chooses events of the stage drop/],
  ] as const)
    assert.match(await refusal(line), message, line);
});

test('--reason alone watches drops', async () => {
  const { options } = eventOptions(await argumentsOf('--reason NO_SOCKET'), undefined);
  assert.deepEqual(
    options.stages.map(({ id }) => id),
    ['drop'],
  );
});

test('--follow watches the ends of packets too, in path order', async () => {
  const { options } = eventOptions(await argumentsOf('--stages tx-tap --follow'), 'udp');
  assert.deepEqual(
    [options.follow, options.stages.map(({ id }) => id)],
    ['events', ['tx-tap', 'drop', 'consume']],
  );
});

test('path follows always, and looks back where it is asked to, or has to', async () => {
  const of = async (line: string) => journeyOptions(await argumentsOf(line, 'path'), 'udp', pathStages);
  const plain = await of('--mark 1');
  assert.deepEqual([plain.options.follow, plain.options.lookBack], ['packets', undefined]);
  assert.equal((await of('--look-back')).options.lookBack, true);
  assert.equal((await of('--reason NO_SOCKET')).options.lookBack, true);
});
