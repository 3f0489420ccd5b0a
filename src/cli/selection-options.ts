/** The options that choose packets by what the kernel knows of them: their table for yargs, and the checked value. */
import type { Options } from 'yargs';
import { UsageError } from '../errors.js';
import { printable } from '../render/printable.js';
import type { Mark, PacketSelection } from '../trace/packet-selection.js';
import { wholeNumber } from './numbers.js';

const group = 'Which packets:';
const packetMax = 262144;
const pidMax = 1 << 22; // include/linux/threads.h, PID_MAX_LIMIT
const uidMax = 0xffff_fffe;
const sampleMax = 1_000_000;
const markMax = 0xffff_ffff;
/** bpf/select.h, SELECTED_MAX. */
const valuesMax = 64;
/** TASK_COMM_LEN without its final zero. */
const commBytesMax = 15;

export const selectionTable = {
  direction: {
    alias: 'Q',
    type: 'string',
    nargs: 1,
    group,
    describe: 'that come in, or go out: in, out, inout',
  },
  mark: {
    type: 'string',
    nargs: 1,
    group,
    describe: 'with this mark: VALUE or VALUE/MASK, such as 0x10/0xff',
  },
  reason: {
    type: 'string',
    array: true,
    nargs: 1,
    group,
    describe: 'dropped for this reason, such as NO_SOCKET,NETFILTER_DROP',
  },
  pid: {
    type: 'string',
    array: true,
    nargs: 1,
    group,
    describe: 'the kernel works on them for these processes, such as 812,813',
  },
  comm: {
    type: 'string',
    array: true,
    nargs: 1,
    group,
    describe: 'the kernel works on them for tasks of this name, such as curl,nginx',
  },
  uid: {
    type: 'string',
    array: true,
    nargs: 1,
    group,
    describe: 'of a socket of this user, or while the kernel works for one of its tasks, such as 1000',
  },
  'min-len': { type: 'string', nargs: 1, group, describe: 'of at least so many bytes, such as 1000' },
  'max-len': { type: 'string', nargs: 1, group, describe: 'of at most so many bytes, such as 100' },
  sample: {
    type: 'string',
    nargs: 1,
    group,
    describe:
      'of one flow in so many, such as 100: whole flows, both directions, by addresses, ports and protocol (fragments by addresses)',
  },
} as const satisfies Record<string, Options>;

const words = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const text = (value: unknown): string | undefined => (value === undefined ? undefined : String(value));

/** `--pid 1,2 --pid 3`: none where the option was not given. */
function listOf(option: string, value: unknown): string[] | undefined {
  const entries = words(value);
  if (entries.length === 0) return undefined;
  const list = [...new Set(entries.flatMap((entry) => entry.split(',')).map((one) => one.trim()))];
  if (list.includes('')) throw new UsageError(`${option} ${printable(entries.join(' '))}: a value is empty`);
  if (list.length > valuesMax) throw new UsageError(`${option}: at most ${valuesMax} values`);
  return list;
}

function numbersOf(option: string, value: unknown, least: number, most: number): number[] | undefined {
  return listOf(option, value)?.map((one) => wholeNumber(option, one, least, most));
}

function markNumber(option: string, word: string): number {
  const value = /^(0x[\da-f]+|\d+)$/i.test(word) ? Number(word) : Number.NaN;
  if (value <= markMax) return value;
  throw new UsageError(`${option}: wants VALUE or VALUE/MASK, such as 16 or 0x10/0xff`);
}

function markOf(value: string | undefined): Mark | undefined {
  if (value === undefined) return undefined;
  const option = `--mark ${printable(value)}`;
  const [number = '', mask, ...more] = value.split('/');
  const mark = {
    value: markNumber(option, number),
    mask: mask === undefined && more.length === 0 ? markMax : markNumber(option, [mask, ...more].join('/')),
  };
  if ((mark.value & ~mark.mask) !== 0)
    throw new UsageError(`${option}: matches nothing, since the value has bits that the mask has not`);
  return mark;
}

function commsOf(value: unknown): string[] | undefined {
  const comms = listOf('--comm', value);
  const long = comms?.find((comm) => Buffer.byteLength(comm) > commBytesMax);
  if (long !== undefined)
    throw new UsageError(
      `--comm ${printable(long)}: names of tasks have at most ${commBytesMax} bytes`,
      `the kernel cuts it to '${printable(Buffer.from(long).subarray(0, commBytesMax).toString())}'`,
    );
  return comms;
}

function directionOf(value: string | undefined): 'in' | 'out' | undefined {
  if (value === undefined || value === 'inout') return undefined;
  if (value === 'in' || value === 'out') return value;
  throw new UsageError(`--direction ${printable(value)}: wants in, out or inout`);
}

function lengthOf(option: string, value: string | undefined): number | undefined {
  return value === undefined ? undefined : wholeNumber(option, printable(value), 0, packetMax);
}

/** Checks everything but the names of drop reasons, which only the kernel knows. Throws UsageError. */
export function selectionOf(args: Readonly<Record<string, unknown>>): PacketSelection {
  const minLen = lengthOf('--min-len', text(args.minLen));
  const maxLen = lengthOf('--max-len', text(args.maxLen));
  if (minLen !== undefined && maxLen !== undefined && minLen > maxLen)
    throw new UsageError(`--min-len ${minLen} and --max-len ${maxLen}: no packet is both`);
  const sample = text(args.sample);
  const selection: { [Key in keyof PacketSelection]: PacketSelection[Key] | undefined } = {
    mark: markOf(text(args.mark)),
    reasons: listOf('--reason', args.reason),
    pids: numbersOf('--pid', args.pid, 1, pidMax),
    comms: commsOf(args.comm),
    uids: numbersOf('--uid', args.uid, 0, uidMax),
    minLen,
    maxLen,
    sample: sample === undefined ? undefined : wholeNumber('--sample', printable(sample), 1, sampleMax),
    direction: directionOf(text(args.direction)),
  };
  return Object.fromEntries(
    Object.entries(selection).filter(([, value]) => value !== undefined),
  ) as PacketSelection;
}
