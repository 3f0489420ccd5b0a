/**
 * A program that follows the datagrams of udp_flood and judges every journey as it closes, by the number that each
 * datagram carries: nothing of what it prints grows with the packets. Takes one argument, a task as JSON; prints
 * `attached`, `judged` with a number now and then, and its verdict as one JSON line when it is told to end by SIGINT. Run with --expose-gc.
 */
import { readFileSync } from 'node:fs';
import type { Journey } from '../../src/journey/journey.js';
import { StepReader } from '../../src/journey/step.js';
import { Tracker, type TrackerCounts } from '../../src/journey/tracker.js';
import { nativeBinding } from '../../src/native/binding.js';
import { expandStages } from '../../src/stages/lookup.js';
import type { TapEvent } from '../../src/trace/event.js';
import type { TraceOptions } from '../../src/trace/options.js';
import { Trace } from '../../src/trace/trace.js';

export interface JourneyTask {
  readonly stages: readonly string[];
  /** Name and inode of each namespace; a name's last letter stands for it in shapes. */
  readonly netns: readonly { readonly name: string; readonly inode: number }[];
  readonly ringBytes: number;
  readonly snaplen: number;
  /** Datagrams that are sent. */
  readonly numbers: number;
}

export interface JourneyVerdict {
  /** Journeys in which more than one number was seen. */
  readonly mixed: number;
  /** Some of them, for the failing assertion. */
  readonly examples: readonly string[];
  /** Journeys of numbered packets by the stages that they passed, in order of time: `dev-queue@a tx-tap@a …`. */
  readonly shapes: Readonly<Record<string, number>>;
  /** Numbers that no journey has, and numbers that several have. */
  readonly missing: number;
  readonly repeated: number;
  readonly counts: TrackerCounts;
  readonly events: number;
  readonly lost: number;
  readonly complete: boolean | 'unknown';
  /** Anonymous memory in KiB: after a fifth of the journeys, and the most later. */
  readonly memoryEarlyKib: number;
  readonly memoryLateKib: number;
}

const EXAMPLES = 3;
const SAMPLE_EVERY = 5000;
/** How udp_flood goes on behind the number, which is 8 bytes long. */
const BEHIND_NUMBER = Buffer.from('abcdefgh');
const task = JSON.parse(process.argv[2]!) as JourneyTask;
const letters = new Map(task.netns.map(({ name, inode }) => [inode, name.slice(-1)]));

/** The number in a datagram; undefined in any other packet. Looked for without any knowledge of headers. */
function numberIn({ packet: { bytes, offset, capLen } }: TapEvent): number | undefined {
  const captured = Buffer.from(bytes.buffer, bytes.byteOffset + offset, capLen);
  const at = captured.indexOf(BEHIND_NUMBER);
  if (at < 8) return undefined;
  const number = Number(captured.readBigUInt64BE(at - 8));
  if (number >= task.numbers) throw new Error(`a datagram with the number ${number}`);
  return number;
}

const anonymousKib = (): number =>
  Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]);

class Judge {
  readonly shapes = new Map<string, number>();
  readonly examples: string[] = [];
  readonly journeysOf = new Uint8Array(task.numbers);
  readonly memory = { early: 0, late: 0 };
  mixed = 0;
  private seen = 0;
  private readonly reader = new StepReader();

  take({ packet, steps, branches, closed }: Journey): void {
    const numbers = new Set<number>();
    const stages: string[] = [];
    for (const step of steps) {
      const event = this.reader.open(step);
      const number = numberIn(event);
      if (number !== undefined) numbers.add(number);
      const letter = event.record.has('netns') ? letters.get(event.record.netnsInum) : undefined;
      stages.push(`${step.stage.id}@${letter ?? '?'}`);
    }
    if (numbers.size === 0) return;
    const shape = stages.join(' ');
    if (numbers.size > 1) {
      this.mixed += 1;
      const example = `packet ${packet} (${closed}) has ${[...numbers].join(' and ')}: ${shape}, ${branches.length} branches`;
      if (this.examples.length < EXAMPLES) this.examples.push(example);
    }
    for (const number of numbers) this.journeysOf[number]! += 1;
    this.shapes.set(shape, (this.shapes.get(shape) ?? 0) + 1);
    this.sampleMemory();
  }

  /** What is still in use, not what the collector has not come to yet. */
  private sampleMemory(): void {
    this.seen += 1;
    if (this.seen % SAMPLE_EVERY !== 0) return;
    process.stdout.write(`judged ${this.seen}\n`);
    globalThis.gc!();
    const name = this.seen * 5 <= task.numbers ? 'early' : 'late';
    this.memory[name] = Math.max(this.memory[name], anonymousKib());
  }
}

const judge = new Judge();
/** As the commands do: what nobody would be shown, such as the end of a stranger's clone, is not judged. */
const takeWanted = (journey: Journey, wanted: boolean): void => {
  if (wanted) judge.take(journey);
};
const tracker = new Tracker({ isWanted: () => true, onClosed: takeWanted });
const options: TraceOptions = {
  ...{ stages: expandStages(task.stages).stages, interfaces: [], netns: task.netns.map(({ name }) => name) },
  ...{ snaplen: task.snaplen, ringBytes: task.ringBytes, arm: false, observeOnly: false, stacks: false },
  ...{ mechanisms: new Map(), failOnLoss: false, lineBuffered: false, follow: 'packets' },
};
const trace = new Trace(nativeBinding(), options, {
  isCongested: false,
  header: () => process.stdout.write('attached\n'),
  event: (event) => {
    tracker.take(event);
  },
  end: () => tracker.finish(),
  flush: () => undefined,
  notice: () => undefined,
});
process.once('SIGINT', () => trace.stop('asked'));
const { events, ledger } = await trace.run();
const { ring, recursion, user } = ledger.lost;
const numbersWith = (isSo: (journeys: number) => boolean): number => judge.journeysOf.filter(isSo).length;
const verdict: JourneyVerdict = {
  ...{ mixed: judge.mixed, examples: judge.examples, shapes: Object.fromEntries(judge.shapes) },
  missing: numbersWith((journeys) => journeys === 0),
  repeated: numbersWith((journeys) => journeys > 1),
  ...{ counts: tracker.counts, events, complete: ledger.complete },
  lost: ring + (recursion ?? 0) + user,
  ...{ memoryEarlyKib: judge.memory.early, memoryLateKib: judge.memory.late },
};
process.stdout.write(`${JSON.stringify(verdict)}\n`);
