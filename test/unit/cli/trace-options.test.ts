/** From the words of a command line to the options of a trace, or to one clear error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpackShortOptions } from '../../../src/cli/arguments.js';
import { parse } from '../../../src/cli/parse.js';
import { eventOptions, type TraceArguments, textOptions } from '../../../src/cli/trace-options.js';
import { UsageError } from '../../../src/errors.js';
import type { TraceOptions } from '../../../src/trace/options.js';

async function argumentsOf(line: string): Promise<TraceArguments> {
  const parsed = await parse('trace', unpackShortOptions(line.split(' ').filter(Boolean)));
  assert.ok(!parsed.done);
  return parsed.args;
}

async function options(line: string): Promise<TraceOptions> {
  return eventOptions(await argumentsOf(line), undefined).options;
}

async function refusal(line: string): Promise<UsageError> {
  try {
    await options(line);
  } catch (error) {
    assert.ok(error instanceof UsageError, `${line}: ${error}`);
    assert.equal(error.exitCode, 2);
    assert.doesNotMatch(error.message, /[\u0000-\u001f\u007f-\u009f]/);
    return error;
  }
  return assert.fail(`${line} was accepted`);
}

test('without options: both taps, every device, 256 bytes', async () => {
  const { stages, ...others } = await options('');
  assert.deepEqual(
    stages.map(({ id }) => id),
    ['rx-tap', 'tx-tap'],
  );
  assert.deepEqual(others, {
    ...{ interfaces: [], netns: [], snaplen: 256, ringBytes: 16 << 20, mechanisms: new Map() },
    ...{ arm: false, observeOnly: false, stacks: false, failOnLoss: false, lineBuffered: false },
    dropCapabilities: true,
  });
});

test('every option arrives', async () => {
  const line =
    '-i eth0 -i veth* --netns blue --stages drop --arm --stack -B 4M -s 0 -c 5 --duration 1.5 --fail-on-loss -l -Q in ' +
    '--mechanism drop=tp_btf';
  const { stages, ...others } = await options(line);
  assert.deepEqual(
    stages.map(({ id }) => id),
    ['drop'],
  );
  assert.deepEqual(others, {
    ...{ interfaces: ['eth0', 'veth*'], netns: ['blue'], snaplen: 262144, ringBytes: 4 << 20, arm: true },
    ...{ observeOnly: false, mechanisms: new Map([['drop', 'tp_btf']]), stacks: true, failOnLoss: true },
    ...{ lineBuffered: true, count: 5, durationSeconds: 1.5, selection: { direction: 'in' } },
    dropCapabilities: true,
  });
});

test('a list of one is a list', async () => {
  const { interfaces, netns, stages, mechanisms } = await options(
    '-i lo --netns blue --stages tx-tap --mechanism tx-tap=inferred',
  );
  assert.deepEqual([interfaces, netns, stages.map(({ id }) => id)], [['lo'], ['blue'], ['tx-tap']]);
  assert.deepEqual([...mechanisms], [['tx-tap', 'inferred']]);
});

test('-U buffers by line too, inout is both directions, one event is enough', async () => {
  assert.equal((await options('-U')).lineBuffered, true);
  assert.equal('selection' in (await options('-Q inout')), false);
  assert.equal((await options('-c 1')).count, 1);
});

test('a filter is kept as it is said', async () => {
  const args = await argumentsOf('-nn tcp port 80 and not host 10.0.0.1');
  assert.deepEqual(args._, ['tcp', 'port', '80', 'and', 'not', 'host', '10.0.0.1']);
  assert.equal(eventOptions(args, 'tcp port 80').options.filter, 'tcp port 80');
});

test('packed options of tcpdump mean what they mean there', async () => {
  const text = textOptions(await argumentsOf('-nnXXxevvvtttSqA -i eth0'));
  assert.deepEqual(text, {
    ...{
      linkHeader: true,
      hex: 1,
      hexAscii: 2,
      ascii: 1,
      timeFormat: 3,
      absoluteSequence: true,
      quick: true,
      verbose: 3,
    },
  });
});

test('more -t than there are formats is the last one', async () => {
  assert.equal(textOptions(await argumentsOf('-tttttttt')).timeFormat, 5);
});

for (const [line, told] of [
  ['--snaplen -1', /snaplen/],
  ['-s -5', /snaplen|-5/],
  ['-s many', /^--snaplen many: wants a whole number/],
  ...['-s', '-c', '-B', '-Q', '-F', '-i', '--duration', '--stages', '--mechanism', '--netns'].map(
    (option) => [option, /Not enough arguments following: /] as const,
  ),
  ['-c 0', /^--count 0: wants/],
  ['-c x', /^--count x: wants/],
  ['--duration 0', /^--duration 0: wants/],
  ['-B 0', /^--buffer-size 0: wants/],
  ['-Q sideways', /^--direction sideways: wants in, out or inout/],
  ['--stages rx-tab', /unknown stage 'rx-tab': did you mean rx-tap\?/],
  ['--stages ', /stages/],
  ['--mechanism rx-tap', /rx-tap cannot be watched by ''/],
  ['--mechanism rx-tap=xdp', /^--mechanism rx-tap=xdp: rx-tap cannot be watched by 'xdp'/],
  ['--mechanism nowhere=kprobe', /'nowhere' is no stage/],
  ['--mechanism rx-tap=tp_btf=kprobe', /tp_btf=kprobe/],
  ['--arm --observe', /--arm opens packet sockets, which --observe forbids/],
  ['--observe --mechanism rx-tap=packet_socket', /--mechanism opens packet sockets, which --observe forbids/],
  ['--no-such-option', /no-such-option/],
  ['--snaplem 5', /snaplem|snaplen/],
  ['-Z', /Z/],
] as const) {
  test(`'${line}' is refused`, async () => assert.match((await refusal(line)).message, told));
}

test('control characters of the command line do not come back', async () => {
  const line = '--stages \u001b[2J';
  assert.match((await refusal(line)).message, /\\x1b\[2J/);
  assert.match((await refusal('--mechanism \u009b=x')).message, /\\x9b/);
  assert.match((await refusal('--\u001bx')).message, /\\x1b/);
});

test('rounding of the buffer is said, not done in silence', async () => {
  const { notes } = eventOptions(await argumentsOf('-B 5000'), undefined);
  assert.match(notes.join(), /rounded up to 8192 KiB/);
});
