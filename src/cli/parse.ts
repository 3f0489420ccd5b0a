/** Reads one command's options with yargs. */
import yargs, { type Options } from 'yargs';
import { UsageError } from '../errors.js';
import { version as packageVersion } from '../library/version.js';
import { printable } from '../render/printable.js';
import type { CommandName } from './arguments.js';
import { compareOptionTable, pathOptionTable } from './journey-options.js';
import { readOptionTable } from './read-options.js';
import { debugOption, traceOptionTable } from './trace-options.js';

interface CommandHelp {
  readonly usage: string;
  readonly options: Record<string, Options>;
  readonly examples: [string, string][];
}

const reportOptions: Record<string, Options> = {
  json: { type: 'boolean', describe: 'one JSON object' },
  arm: { type: 'boolean', describe: 'as it would be with --arm' },
  v: { type: 'count', describe: 'everything about each stage' },
};

const help: Readonly<Record<CommandName, CommandHelp>> = {
  trace: {
    usage:
      'taptrace [trace] [options] [filter…]\n\nShows each packet at the places where tcpdump taps the kernel.\n\n' +
      'Commands: trace (default), path (one packet after the other, its whole way), compare (the taps beside the\n' +
      'netfilter hooks), read (a recording), stages (the map of the kernel path), doctor (what this kernel allows),\n' +
      'extcap (live in Wireshark).\n' +
      "Each has its own --help. The filter is tcpdump's language.",
    options: traceOptionTable,
    examples: [
      ['$0', 'both taps, every device'],
      ['$0 -i eth0 tcp port 443', 'one device, with a filter'],
      ['$0 -i eth0 --arm', 'open the taps, watch them from inside'],
      ['$0 --netns all -c 20', 'the first 20 events of any namespace'],
      ['$0 --stages taps,drop --json', 'with drops, as JSON lines'],
      ['$0 --stack -c 1 icmp', 'how the kernel got there'],
      ['$0 --comm curl --follow', 'what curl sends, from there to its end'],
      ['$0 --reason NO_SOCKET,NETFILTER_DROP', 'what was dropped for these reasons'],
      ['$0 --sample 100 -i "veth*"', 'one flow in a hundred, also of devices to come'],
    ],
  },
  path: {
    usage:
      'taptrace path [options] [filter…]\n\nOne packet after the other: its whole way through the kernel, a line a stage, with what changed\n' +
      'since the stage before, the chains it passed, its end, and what explains it.\n\n' +
      'A packet that matches the filter, or passes a device of -i, at any stage is followed from its first\n' +
      'event to its end, NAT or not. It is shown when it has ended: blocks come in the order of ends.',
    options: pathOptionTable,
    examples: [
      ['$0 path -c 1 icmp', 'the way of one ping'],
      ['$0 path --netns all -i vA udp port 53', 'through every namespace'],
      [
        '$0 path --stages taps,netfilter --duration 5',
        'fewer stages cost less; drop and consume are always among them',
      ],
      ['$0 path --look-back dst port 8080', 'also what a packet passed before NAT gave it that port'],
      ['$0 path --stack -v tcp port 80', 'with kernel stacks, CPUs and addresses of sk_buffs'],
      ['$0 path --json -c 100 | jq .truths', 'as data, one packet a line'],
    ],
  },
  compare: {
    usage:
      'taptrace compare [options] [filter…]\n\nWhat the taps saw beside what each netfilter hook and base chain saw, dropped, rewrote and queued, in path order,\n' +
      'then in sentences what happened to packets. Ends with --duration, -c or Ctrl-C.\n' +
      'A packet that matches the filter, or passes a device of -i, at any stage is counted wherever it goes.',
    options: compareOptionTable,
    examples: [
      ['$0 compare --duration 10', 'ten seconds of all traffic'],
      ['$0 compare -i eth0 -c 1000 tcp port 443', 'a thousand packets of one service'],
      ['$0 compare --netns all udp port 53', 'through every namespace, until Ctrl-C'],
      ['$0 compare --stages taps,drop icmp', 'without links of ours at the netfilter hooks'],
      ['$0 compare --json --duration 5 | jq .findings', 'the findings as data'],
    ],
  },
  read: {
    usage:
      'taptrace read FILE [options] [filter…]\n\nA recording (-w) through any view, as if it happened now; - reads standard input. Needs no rights.\n' +
      'What was asked when it was recorded holds; options and filter narrow it down.\n' +
      'A pcap or pcapng file is shown as tcpdump -nn -r shows it, with the stages of files of ours.',
    options: readOptionTable,
    examples: [
      ['$0 read t.taptrace', 'its events'],
      ['$0 read x.pcap tcp port 443', 'packets that tcpdump or Wireshark kept'],
      ['$0 read t.taptrace --view path -c 1 icmp', 'the way of one ping'],
      ['$0 read t.taptrace --view compare', 'the taps beside the netfilter hooks'],
      ['$0 read t.taptrace --json --stages taps tcp port 443', 'as data'],
    ],
  },
  stages: {
    usage:
      'taptrace stages [stage…] [options]\n\nThe stages of the kernel path in order, and how each is watched on this kernel.',
    options: reportOptions,
    examples: [
      ['$0 stages', 'the map'],
      ['$0 stages rx-tap', 'everything about one stage'],
    ],
  },
  doctor: {
    usage:
      'taptrace doctor [options]\n\nWhat this kernel and these rights allow, stage by stage, and what would change it.',
    options: {
      ...reportOptions,
      v: { type: 'count', describe: 'also try the ways below the one chosen' },
      debug: debugOption,
    },
    examples: [
      ['$0 doctor', 'a report to read'],
      ['$0 doctor --json', 'the same for a bug report'],
      ['$0 doctor --debug', "with the verifier's log of every program refused"],
    ],
  },
};

export type Parsed =
  | { readonly done: true }
  | {
      readonly done: false;
      readonly command: CommandName;
      readonly args: Record<string, unknown>;
      readonly version: string;
    };

/** Of an option that has one value and was given twice the last one counts, as in tcpdump. */
function takeLast(options: Record<string, Options>, args: Record<string, unknown>): void {
  const lists = Object.entries(options).filter(([, { array }]) => array);
  const repeatable = new Set(['_', ...lists.flatMap(([name, { alias }]) => [name, alias])]);
  for (const [name, value] of Object.entries(args))
    if (Array.isArray(value) && !repeatable.has(name)) args[name] = value.at(-1);
}

/** Answers --help and --version itself (`done`). Throws UsageError. */
export async function parse(command: CommandName, argv: readonly string[]): Promise<Parsed> {
  const { usage, options, examples } = help[command];
  const version = packageVersion();
  const parser = yargs([...argv])
    .scriptName('taptrace')
    .usage(usage)
    .options(options)
    .example(examples)
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'boolean-negation': false,
      'dot-notation': false,
      'duplicate-arguments-array': true,
      'populate--': false,
    })
    .strictOptions()
    .recommendCommands()
    .version(version)
    .alias('help', 'h')
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw new UsageError(
        printable(message ?? error.message),
        `"taptrace ${command} --help" lists the options`,
      );
    });
  const args = (await parser.parseAsync()) as Record<string, unknown>;
  if (args.help || args.version) return { done: true };
  takeLast(options, args);
  return { done: false, command, args, version };
}
