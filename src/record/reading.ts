/** A recording and what is asked of it, ready to be replayed: what held when it was recorded, narrowed by its reader. */
import { UsageError } from '../errors.js';
import { type FilterMeaning, PacketFilter } from '../filter/filter.js';
import type { FollowRequest } from '../journey/follower.js';
import type { Stage } from '../stages/types.js';
import { FollowedPackets } from '../trace/followed.js';
import type { TraceOptions } from '../trace/options.js';
import { Selection } from '../trace/selection.js';
import type { TraceSink } from '../trace/trace.js';
import { selectionOf } from './from-messages.js';
import type { InputFile } from './input-file.js';
import { RecordedDevices } from './recorded.js';
import { Recording } from './recording.js';
import { Replay } from './replay.js';
import type { HeaderMessage } from './schema.js';

export const views = ['trace', 'path', 'compare'] as const;
export type ViewName = (typeof views)[number];

/** What the reader asks for, checked. */
export interface ReadOptions {
  readonly view: ViewName;
  readonly own: TraceOptions;
  /** Undefined: every stage that was recorded. */
  readonly stages: readonly Stage[] | undefined;
}

const both = (a: string | undefined, b: string | undefined): string | undefined =>
  a !== undefined && b !== undefined ? `(${a}) and (${b})` : (a ?? b);

/** Events of packets that were followed, as far as they are told to be. */
function followingOf(recorded: HeaderMessage['options'], view: ViewName): Partial<TraceOptions> {
  const { followEvents, lookBack } = recorded;
  if (view !== 'trace') return { follow: 'packets', ...(lookBack && { lookBack }) };
  return followEvents ? { follow: 'events' } : {};
}

/** What was asked when it was recorded, narrowed by what the reader asks, as a view of its header shows it. */
function replayedOptions({ options: recorded }: HeaderMessage, { view, own }: ReadOptions): TraceOptions {
  const filter = both(recorded.filter, own.filter);
  const selection = selectionOf(recorded);
  return {
    stages: own.stages,
    interfaces: [...recorded.interfaces, ...own.interfaces],
    netns: recorded.netns,
    ...followingOf(recorded, view),
    ...(selection && { selection }),
    snaplen: Math.min(recorded.snaplen, own.snaplen),
    ringBytes: Number(recorded.ringBytes),
    ...{ arm: recorded.arm, observeOnly: recorded.observeOnly, mechanisms: new Map() },
    stacks: recorded.stacks || own.stacks,
    ...{ failOnLoss: own.failOnLoss, lineBuffered: own.lineBuffered },
    ...(filter !== undefined && { filter }),
  };
}

const filterOf = (expression: string | undefined, meaning: FilterMeaning): PacketFilter | undefined =>
  expression === undefined ? undefined : new PacketFilter(expression, meaning);

const numberOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);

/** Only the ends of packets make it safe which events are one packet's. Throws UsageError. */
function checkEnds({ path, header }: Recording, { view }: ReadOptions): void {
  const recorded = new Set(header.attachments.map(({ stage }) => stage));
  if (view === 'trace' || (recorded.has('drop') && recorded.has('consume'))) return;
  throw new UsageError(
    `--view ${view} needs the ends of packets, which ${path} does not have: it holds ${[...recorded].join(', ')}`,
    'record them with "taptrace path -w FILE", or with --stages path',
  );
}

/** What holds of the recording, and what the reader asks on top of it. */
function selectionsOf({ options }: HeaderMessage, devices: RecordedDevices, asked: ReadOptions): Selection[] {
  const { own, view, stages } = asked;
  const isTrace = view === 'trace';
  const numbers = stages && new Set(stages.map(({ number }) => number));
  const words = [...own.interfaces, ...(options.followPackets ? options.interfaces : [])];
  const choosesDevices = isTrace && words.length > 0;
  return [
    new Selection({
      count: isTrace ? numberOf(options.count) : undefined,
      ...(isTrace && {
        selection: selectionOf(options),
        filter: filterOf(options.filter, 'live'),
        kernelDecides: true,
        followed: options.followEvents ? new FollowedPackets() : undefined,
      }),
    }),
    new Selection({
      count: isTrace ? own.count : undefined,
      selection: isTrace ? own.selection : undefined,
      filter: isTrace ? filterOf(own.filter, 'file') : undefined,
      ...((numbers || choosesDevices) && {
        isSelected: ({ record }) =>
          (!numbers || numbers.has(record.stage)) && (!choosesDevices || devices.isSelectedFor(record)),
      }),
    }),
  ];
}

function journeysAsked(
  { options: recorded }: HeaderMessage,
  asked: ReadOptions,
): Omit<FollowRequest, 'interfaces'> {
  const counts = [numberOf(recorded.packets), asked.own.count].flatMap((count) => count ?? []);
  return {
    isReplay: true,
    ...(counts.length > 0 && { packets: Math.min(...counts) }),
    ...(asked.own.filter !== undefined && { filter: asked.own.filter }),
    ...(asked.own.selection && { narrower: asked.own.selection }),
    ...(recorded.filter !== undefined && { recordedFilter: recorded.filter }),
  };
}

export class Reading {
  private constructor(
    readonly recording: Recording,
    readonly asked: ReadOptions,
    private readonly devices: RecordedDevices,
    /** What was asked when it was recorded, as a view of its header shows it. */
    readonly options: TraceOptions,
  ) {}

  /** Throws UsageError where it is no recording, or one that cannot be viewed like this. */
  static async open(file: string | InputFile, asked: ReadOptions): Promise<Reading> {
    const recording = await Recording.open(file);
    try {
      checkEnds(recording, asked);
    } catch (error) {
      recording.close();
      throw error;
    }
    const { header } = recording;
    const devices = new RecordedDevices(header.options.interfaces, header.severalNetns, asked.own.interfaces);
    for (const one of header.namespaces) devices.learnNetns(one);
    for (const one of header.devices) devices.learn(one);
    return new Reading(recording, asked, devices, replayedOptions(header, asked));
  }

  /** Which packets are to be followed. Throws UsageError where a filter is none. */
  get followed(): Omit<FollowRequest, 'interfaces'> {
    return journeysAsked(this.recording.header, this.asked);
  }

  /** Which events are to be shown: as recorded, and as the reader asks. Throws UsageError. */
  get selections(): Selection[] {
    return selectionsOf(this.recording.header, this.devices, this.asked);
  }

  replay(sink: TraceSink, progress?: () => void): Replay {
    const { options, devices, selections } = this;
    return new Replay(
      this.recording,
      { options, devices, selections, showsStacks: options.stacks, ...(progress && { progress }) },
      sink,
    );
  }
}
