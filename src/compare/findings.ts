/** Findings: what happened to packets, in sentences a person would say, each with its number. */

import { plural } from '../explain/words.js';
import type { RuleHit } from '../netfilter/rule-trace.js';
import type { BaseChain } from '../netfilter/types.js';
import { deciderText } from '../netfilter/words.js';
import type { StageId } from '../stages/types.js';
import { durationText } from './duration.js';
import type { Group, GroupKind, Translation } from './groups.js';
import { chainsName, type Place, type Row } from './place.js';
import { reasonMeaning } from './reasons.js';
import { type ChainFacts, chainFacts, type TimeFacts, timeFacts } from './result.js';

export interface Finding extends ChainFacts {
  readonly text: string;
  readonly packets: number;
  readonly kind: GroupKind | 'unarmed';
  readonly stage: StageId;
  readonly netns?: number;
  readonly reason?: string;
  readonly function?: string;
  /** Where on the path that was, as far as the kernel's stack tells. */
  readonly diedAt?: StageId;
  /** The last tap before, and how many packets it saw. */
  readonly tap?: {
    readonly stage: StageId;
    readonly netns?: number;
    readonly device?: string;
    readonly packets: number;
  };
  readonly afterTapNs?: TimeFacts;
  readonly queuedNs?: TimeFacts;
  readonly rewritten?: Translation;
  /** Of nft, where its tracing told: what dropped them. */
  readonly rule?: RuleHit;
}

/** What the sentences have to know of the whole run. */
export interface FindingContext {
  readonly severalNetns: boolean;
  /** Not every event was seen. */
  readonly isLossy: boolean;
}

const packetsText = (count: number): string => plural(count, 'packet');
const was = (count: number): string => (count === 1 ? 'was' : 'were');
const them = (count: number): string => (count === 1 ? 'it' : 'them');

const deviceOf = (place: Place): string => place.device ?? 'a device that is not known';

/** `nf-input, priority 0`: what stands behind a chain's name. */
function chainPlace({ stage, chains = [] }: Place): string {
  const priorities = [...new Set(chains.map(({ priority }: BaseChain) => priority))];
  return `${stage}, ${priorities.length > 1 ? 'priorities' : 'priority'} ${priorities.join(' and ')}`;
}

function hookName({ stage, family }: Place): string {
  return family ? `the ${family} hook ${stage}` : stage;
}

/** `inet filter/in`; one of several, where they cannot be told apart. */
function chainOrHook(place: Place): string {
  return place.chains ? chainsName(place.chains) : hookName(place);
}

function placeText(place: Place, { severalNetns }: FindingContext): string {
  const where = severalNetns && place.netnsName !== undefined ? ` in ${place.netnsName}` : '';
  if (place.chains) return `${chainsName(place.chains)} (${chainPlace(place)})${where}`;
  return `${hookName(place)}${where}`;
}

/** Phrases that only repeat the function's name. */
const isBare = (died: string, name: string | undefined): boolean => died === `in ${name}`;

/** `in udp_rcv (NO_SOCKET: nobody listens there)`, `in ip_rcv_finish_core (SOME_REASON) by the routing decision`. */
function reasonText({ reason, function: name, died }: Place): string {
  const meaning = reason === undefined ? undefined : reasonMeaning(reason, name);
  const why =
    reason === undefined || reason === 'NOT_SPECIFIED' ? '' : `${reason}${meaning ? `: ${meaning}` : ''}`;
  const further = meaning || died === undefined || isBare(died, name) ? '' : ` ${died}`;
  if (name === undefined) return why ? `for ${why}` : 'somewhere';
  return `in ${name}${why ? ` (${why})` : ''}${further}`;
}

const isOfHook = ({ stage }: Place): boolean => stage !== 'drop' && stage !== 'consume';

/** Whether tcpdump shows what passes this tap, or would if it ran. */
const shows = (tap: Row): string => (tap.unarmed > 0 ? 'would show' : 'shows');

function tapPhrase(packets: number, tap: Row): string {
  return `${packets} of ${packetsText(tap.packets)} that tcpdump ${shows(tap)} on ${deviceOf(tap.place)}`;
}

/** `, 3.1 µs after the tap`, the median where there are several. */
function afterTap({ time }: Group): string {
  const median = time.quantile(0.5);
  if (median === undefined) return '';
  return `, ${durationText(median)} after the tap`;
}

function droppedText(group: Group, context: FindingContext): string {
  const { place, packets, tap, entered } = group;
  const inHook = isOfHook(place.place);
  const by = group.rule ? ` ${deciderText(group.rule, place.place.chains)}` : '';
  const where = inHook ? `at ${placeText(place.place, context)}${by}` : reasonText(place.place);
  if (tap) return `${tapPhrase(packets, tap)} ${was(packets)} dropped ${where}${afterTap(group)}.`;
  const isOut = entered === 'nf-output' || entered === 'nf-postrouting' || entered === 'nf-egress';
  if (!isOut) return `${packetsText(packets)} ${was(packets)} dropped ${where}.`;
  const verb = place.place.stage === entered ? 'entered' : 'left';
  const why = inHook ? `in ${chainOrHook(place.place)}${by}` : reasonText(place.place);
  return `${packetsText(packets)} ${verb} ${entered} and never reached the TX tap: dropped ${why}, so tcpdump cannot show ${them(packets)}.`;
}

function beforeTapText({ packets, tap }: Group): string {
  const device = tap ? ` on ${deviceOf(tap.place)}` : '';
  return `${packetsText(packets)} ${was(packets)} dropped by generic XDP${device}, before the tap: tcpdump does not show ${them(packets)}.`;
}

function takenText({ packets, place: { place } }: Group, how: string): string {
  const program = place.program === undefined ? '' : ` (${place.program})`;
  const device = deviceOf(place);
  return `${plural(packets, 'frame')} ${was(packets)} ${how} by the XDP program${program} on ${device} before any tap there: tcpdump on ${device} cannot show ${them(packets)}.`;
}

/** Between the chains of a hook stand the kernel's own functions, such as the NAT that keeps flows apart. */
function rewriter({ place, isBracketed }: Row): string {
  const byNone = isBracketed && !place.chains ? ' by the kernel (NAT), in none of its chains' : '';
  return `${chainOrHook(place)}${byNone}`;
}

function rewrittenText(group: Group, context: FindingContext): string {
  const { packets, place, tap, later, translation } = group;
  const { what, from, to } = translation!;
  const where = place === later ? 'on the way between them' : `in ${rewriter(place)}`;
  if (from === undefined)
    return `${packetsText(packets)} with other addresses had their ${what} rewritten ${where}.`;
  const before = tap ? `at the tap on ${deviceOf(tap.place)}` : `at ${group.entered ?? 'first'}`;
  const isTap = later?.place.ifindex !== undefined;
  const after =
    later && `${isTap ? `at the tap on ${deviceOf(later.place)}` : `at ${placeText(later.place, context)}`}`;
  if (!after)
    return `${packetsText(packets)} had the ${what} ${from} and left with ${to}: rewritten ${where}.`;
  return `${packetsText(packets)} ${was(packets)} seen ${before} with ${what} ${from} and ${after} with ${to}: rewritten ${where}.`;
}

function queuedText({ packets, place, time }: Group, context: FindingContext): string {
  const median = time.quantile(0.5);
  const after = median === undefined ? '' : ` and came back after ${durationText(median)}`;
  return `${packetsText(packets)} ${was(packets)} queued to user space at ${placeText(place.place, context)}${after}.`;
}

function stolenOrQueuedText(group: Group, context: FindingContext): string {
  const { packets, place } = group;
  const loss = context.isLossy ? ', or events of them were lost' : '';
  return `${packetsText(packets)} entered ${placeText(place.place, context)} and did not come out: stolen or queued${loss}.`;
}

function bypassText({ packets, tap, place }: Group, how: string): string {
  const [from, to] = [deviceOf(tap!.place), deviceOf(place.place)];
  return `${packetsText(packets)} went from the tap on ${from} to the tap on ${to} past every netfilter hook: ${how}.`;
}

const texts: Readonly<Record<GroupKind, (group: Group, context: FindingContext) => string>> = {
  dropped: droppedText,
  'dropped-before-tap': beforeTapText,
  'dropped-by-xdp': (group) => takenText(group, 'dropped'),
  'aborted-by-xdp': (group) => takenText(group, 'dropped with an error'),
  'sent-back-by-xdp': (group) => takenText(group, 'sent back'),
  'redirected-by-xdp': (group) => takenText(group, 'redirected'),
  rewritten: rewrittenText,
  marked: ({ packets, place }, context) =>
    `${packetsText(packets)} got another mark in ${placeText(place.place, context)}.`,
  queued: queuedText,
  stolen: ({ packets, place }, context) =>
    `${packetsText(packets)} ${was(packets)} taken off the path at ${placeText(place.place, context)}.`,
  'stolen-or-queued': stolenOrQueuedText,
  'tap-only': ({ packets, tap }) => `${tapPhrase(packets, tap!)} ${was(packets)} taken by nobody else.`,
  'tap-full': ({ packets, tap, place }) =>
    `${packetsText(packets)} at the tap${tap ? ` on ${deviceOf(tap.place)}` : ''} ${was(packets)} not taken by a packet socket: ${reasonText(place.place)}.`,
  bypassed: (group) => bypassText(group, 'redirected by tc, or by nft (fwd, or a flowtable)'),
  bridged: (group) => bypassText(group, 'bridged'),
  redirected: (group) => bypassText(group, 'redirected by tc'),
  left: ({ packets, place: { place } }) =>
    `${packetsText(packets)} ${was(packets)} sent out by ${deviceOf(place)} and not seen again.`,
};

function tapFacts(tap: Row): NonNullable<Finding['tap']> {
  const { stage, netns, device } = tap.place;
  return { stage, ...(netns !== undefined && { netns }), ...(device && { device }), packets: tap.packets };
}

function finding(group: Group, context: FindingContext): Finding {
  const { kind, packets, place, tap, translation, rule, time } = group;
  const { stage, netns, chains, reason, function: name, diedAt } = place.place;
  const times = timeFacts(time);
  return {
    text: texts[kind](group, context),
    ...{ packets, kind, stage },
    ...(netns !== undefined && { netns }),
    ...chainFacts(chains),
    ...(reason !== undefined && { reason }),
    ...(name !== undefined && { function: name }),
    ...(diedAt && { diedAt }),
    ...(tap && { tap: tapFacts(tap) }),
    ...(times && (kind === 'queued' ? { queuedNs: times } : { afterTapNs: times })),
    ...(translation && { rewritten: translation }),
    ...(rule && { rule }),
  };
}

/** A tap that never ran is no fate of a packet, but the answer to why tcpdump would have shown more. */
function unarmedFinding({ place, unarmed, packets }: Row): Finding {
  const { stage, netns } = place;
  const all = unarmed === packets ? '' : ` of ${packets}`;
  const direction = stage === 'tx-tap' ? 'left' : 'came in';
  return {
    text: `${unarmed}${all} ${unarmed === 1 && !all ? 'packet' : 'packets'} ${direction} on ${deviceOf(place)} while nobody tapped it: tcpdump would have shown ${them(unarmed)}.`,
    ...{ packets: unarmed, kind: 'unarmed', stage },
    ...(netns !== undefined && { netns }),
    tap: tapFacts({ place, packets } as Row),
  };
}

const byPackets = (a: Finding, b: Finding): number => b.packets - a.packets;

/** Most packets first; what is no fate of theirs comes behind, and what nobody tapped last. */
const byWeight = (a: Finding, b: Finding): number =>
  Number(a.kind === 'left') - Number(b.kind === 'left') || byPackets(a, b);

export function findings(groups: readonly Group[], rows: readonly Row[], context: FindingContext): Finding[] {
  const hooked = new Set(rows.filter(({ place }) => isNetfilter(place)).map(({ place }) => place.netns));
  const isPastHooks = ({ kind }: Group): boolean => kind === 'bypassed' || kind === 'bridged';
  const told = groups.filter((group) => !isPastHooks(group) || hooked.has(group.place.place.netns));
  const unarmed = rows.filter((row) => row.unarmed > 0).map(unarmedFinding);
  return [...told.map((group) => finding(group, context)).sort(byWeight), ...unarmed.sort(byPackets)];
}

const isNetfilter = ({ stage }: Place): boolean => stage.startsWith('nf-');
