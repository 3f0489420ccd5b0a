/** What a journey's block says of its end and its relatives. */
import { plural, rangesText } from '../explain/words.js';
import type { CloseReason, Journey, Relation } from '../journey/journey.js';
import type { TrackerCounts } from '../journey/tracker.js';

/** Why no end is shown; a journey whose end was seen needs no word. */
const closings: Readonly<Record<Exclude<CloseReason, 'ended'>, string>> = {
  delivered: 'taken by this host, whose transport frees it without a tracepoint',
  merged: 'it became part of another packet',
  replaced: 'no end was seen: a later packet has its memory',
  idle: 'no end was seen, and nothing more for a while',
  limit: 'no longer followed: too many packets were open',
  stopped: 'still under way when the run ended',
};

/** `sentBy`: the device whose driver had it last, where that is how it left what is watched. */
export function closingText({ closed }: Pick<Journey, 'closed'>, sentBy?: string): string | undefined {
  if (closed === 'ended') return undefined;
  const isGone = closed === 'replaced' || closed === 'idle' || closed === 'stopped';
  return isGone && sentBy !== undefined ? `sent out by ${sentBy}, and not seen again` : closings[closed];
}

type Words = readonly [one: string, many: string, part?: string];

/** Of the packet that was made, and of the packets that it was made from. */
const asChild: Readonly<Record<Relation['how'], Words>> = {
  'gso-segment': ['a segment of packet', 'a segment of packets', 'segment'],
  fragment: ['a fragment of packet', 'a fragment of packets', 'fragment'],
  reassembly: ['put together with packet', 'put together from packets'],
  'gro-merge': ['merged by GRO from packet', 'merged by GRO from packets'],
  retransmission: ['sent again: the bytes of packet', 'sent again: the bytes of packets'],
};

const asParent: Readonly<Record<Relation['how'], Words>> = {
  'gso-segment': ['cut into segments: packet', 'cut into segments: packets'],
  fragment: ['cut into fragments: packet', 'cut into fragments: packets'],
  reassembly: ['put together into packet', 'put together into packets'],
  'gro-merge': ['merged by GRO into packet', 'merged by GRO into packets'],
  retransmission: ['sent again as packet', 'sent again as packets'],
};

function relationTexts(relations: readonly Relation[], words: typeof asChild): string[] {
  const kinds = [...new Set(relations.map(({ how }) => how))];
  return kinds.map((kind) => {
    const ofKind = relations.filter(({ how }) => how === kind);
    const guess = ofKind.find((relation) => relation.guess)?.guess;
    const numbers = rangesText(ofKind.map(({ packet }) => packet));
    return `${relationText(ofKind, words[kind])} ${numbers}${guess ? ` (guess: ${guess})` : ''}`;
  });
}

function relationText([{ part } = {} as Relation, ...others]: readonly Relation[], words: Words): string {
  const [one, many, name] = words;
  if (others.length > 0) return many;
  return name !== undefined && part !== undefined ? `${name} ${part} of packet` : one;
}

export function relativesTexts({ parents, children }: Pick<Journey, 'parents' | 'children'>): string[] {
  return [...relationTexts(parents, asChild), ...relationTexts(children, asParent)];
}

const sum = ({ closed }: TrackerCounts): number =>
  Object.values(closed).reduce((all, count) => all + count, 0);

/** While nothing was printed yet. */
export function waitingText(counts: TrackerCounts): string {
  return `following ${plural(counts.open, 'packet')}, ${sum(counts)} ended`;
}

const reasons: readonly (readonly [Exclude<CloseReason, 'ended' | 'merged'>, string])[] = [
  ['delivered', 'taken by this host'],
  ['stopped', 'still under way'],
  ['idle', 'silent before an end was seen'],
  ['replaced', 'replaced before an end was seen'],
  ['limit', 'given up, too many being open'],
];

/** What became of the packets that were followed, shown or not. */
export function followedText(shown: number, counts: TrackerCounts): string {
  const { packets, guessed, partial, closed } = counts;
  const ends = [
    `${closed.ended + closed.merged} to the end`,
    ...reasons.flatMap(([reason, text]) => (closed[reason] > 0 ? [`${closed[reason]} ${text}`] : [])),
    ...(guessed > 0 ? [`${guessed} with a guess`] : []),
  ];
  const leftOut =
    partial > 0 ? `; ${plural(partial, 'packet')} left out, on the way when the run began or ended` : '';
  return `${plural(shown, 'packet')} shown of ${packets} followed: ${ends.join(', ')}${leftOut}`;
}
