/** What the choice of packets leaves out, told at the start: questions that some stages cannot answer, what was before a match. Pure. */
import type { Attachment, AttachPlan } from '../attach/plan.js';
import { stageById } from '../stages/lookup.js';
import type { StageId } from '../stages/types.js';
import { choosesPackets, type TraceOptions } from './options.js';
import type { PacketSelection } from './packet-selection.js';

/** The socket that a packet is for has been found by then. */
const behindLookup: ReadonlySet<StageId> = new Set(['l4-rcv', 'sock-queue', 'delivery']);

/** An attachment, and how the program that serves it reads packets. */
interface Place {
  readonly stage: StageId;
  readonly access: string | undefined;
}

/** Attachments without a program of their own are served by that of another one. */
function placesOf({ attachments }: AttachPlan): Place[] {
  const carrierOf = ({ mechanism, target }: Attachment): Attachment | undefined =>
    attachments.find((one) => one.program && one.mechanism === mechanism && one.target === target);
  return attachments.map((one) => ({
    stage: one.stage,
    access: (one.program ?? carrierOf(one)?.program)?.access,
  }));
}

type Reason = string | undefined;

const onlyItsAddress = (stage: StageId): Reason =>
  stage === 'xmit-done' ? 'the packet may be gone, and only its address is known' : undefined;
const noTask = (access: string | undefined): Reason => {
  if (access === 'context') return 'a socket filter of this kernel knows no task';
  return access === 'direct' ? 'lockdown keeps from it what the CPU was doing' : undefined;
};
const notLookedUp = 'its socket has not been looked up yet';
const isBeforeLookup = (stage: StageId): boolean =>
  ['rx', 'forward'].includes(stageById(stage).direction) && !behindLookup.has(stage);

/** By option: why it cannot be decided at a place; undefined where it can. */
const blindness: Readonly<Record<string, (place: Place) => Reason>> = {
  '--mark': ({ stage }) => (stage === 'xdp' ? 'a frame has no mark yet' : onlyItsAddress(stage)),
  '--pid': ({ access }) => noTask(access),
  '--comm': ({ access }) => noTask(access),
  '--uid': ({ stage, access }) => (isBeforeLookup(stage) ? notLookedUp : noTask(access)),
  '--sample': ({ stage, access }) =>
    access === 'direct' ? 'lockdown keeps the bytes of packets from it' : onlyItsAddress(stage),
};

function optionsAsked({ mark, pids, comms, uids, sample }: PacketSelection): string[] {
  const asked = { '--mark': mark, '--pid': pids, '--comm': comms, '--uid': uids, '--sample': sample };
  return Object.entries(asked).flatMap(([option, value]) => (value === undefined ? [] : [option]));
}

/** Stages by the reason that holds for them, in path order. */
function grouped(places: readonly Place[], reasonOf: (place: Place) => Reason): Map<string, Set<StageId>> {
  const groups = new Map<string, Set<StageId>>();
  for (const place of places) {
    const reason = reasonOf(place);
    if (reason === undefined) continue;
    groups.set(reason, (groups.get(reason) ?? new Set()).add(place.stage));
  }
  return groups;
}

const list = (stages: ReadonlySet<StageId>): string => [...stages].join(', ');

/** What is seen there all the same. */
function consequence(reason: string, follow: TraceOptions['follow']): string {
  const matching = reason === notLookedUp ? "what still has its sender's socket" : 'nothing';
  return `${matching} matches there${follow ? '; what matched elsewhere is followed' : ''}`;
}

/** What packets passed before they matched: not shown, or at which price. */
function beginningNotes(options: TraceOptions): string[] {
  const { selection, follow, lookBack } = options;
  if (follow !== 'packets' || !choosesPackets(options)) return [];
  if (!lookBack)
    return [
      'packets are followed from where they first match; what they passed before, and fragments and segments of them that do not match themselves, are shown with --look-back (every packet is then taken out of the kernel)',
    ];
  const why = selection?.reasons ? '--reason is known at the end of a packet: ' : '';
  return [`${why}--look-back takes every packet out of the kernel, as without a filter`];
}

/** One line for each question and reason. */
export function blindFilterNotes(plan: AttachPlan, options: TraceOptions): string[] {
  const { selection = {}, follow } = options;
  const places = placesOf(plan);
  const undecided = optionsAsked(selection).flatMap((option) =>
    [...grouped(places, blindness[option]!)].map(
      ([reason, stages]) =>
        `${option} is not decidable at ${list(stages)} (${reason}): ${consequence(reason, follow)}`,
    ),
  );
  const unfollowed = follow
    ? grouped(places, ({ access }) =>
        access === 'context' ? 'its program knows no address of the packet' : undefined,
      )
    : new Map<string, Set<StageId>>();
  const blind = [...unfollowed].map(
    ([reason, stages]) => `not followed at ${list(stages)} (${reason}): shown there where they match`,
  );
  return [...beginningNotes(options), ...undecided, ...blind];
}
