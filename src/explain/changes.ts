/** What changed about a packet from one step to the next of the same sk_buff, or since the one that it was made from. */
import type { Journey } from '../journey/journey.js';
import type { BaseChain } from '../netfilter/types.js';
import type { Names } from '../trace/event.js';
import { anyOfChains, isNextBracket } from './chains.js';
import { addressText, checksumState, isAside, type StepFacts } from './facts.js';

export type ChangeField =
  | 'netns'
  | 'device'
  | 'tunnel'
  | 'proto'
  | 'src'
  | 'sport'
  | 'dst'
  | 'dport'
  | 'ttl'
  | 'dscp'
  | 'ecn'
  | 'length'
  | 'vlan'
  | 'mark'
  | 'gso'
  | 'checksum'
  | 'layout'
  | 'skb'
  | 'head'
  | 'cpu'
  | 'hash';

export interface Change {
  /** Index of the step by which it had happened. */
  readonly at: number;
  readonly field: ChangeField;
  readonly from: string | number;
  readonly to: string | number;
  readonly text: string;
  /** The chains between this step and the one before: one of them did it. */
  readonly by?: readonly BaseChain[];
}

type Value = string | number;

interface Rule {
  readonly field: ChangeField;
  /** Undefined: this step does not tell. */
  readonly value: (facts: StepFacts, names: DeviceNames) => Value | undefined;
  readonly text: (from: Value, to: Value, facts: StepFacts) => string;
  /** Values as events show them. */
  readonly shown?: (value: Value) => Value;
  /** Another header is the outermost one now: its fields are not those of the one before. */
  readonly ofOuterHeader?: boolean;
  /** The end of a packet, where its users have put it aside already, tells nothing of it. */
  readonly notAtEnd?: boolean;
}

export type DeviceNames = Pick<Names, 'deviceLabel'>;

const arrow = (what: string) => (from: Value, to: Value) => `${what} ${from} → ${to}`;
const hexText = (value: Value): string => (value === 0 ? '0' : `0x${value.toString(16)}`);
const signed = (value: number): string => (value > 0 ? `+${value}` : `−${-value}`);

const checksumNames = ['none', 'unnecessary', 'complete', 'partial'];
const checksumName = (state: Value): string =>
  `CHECKSUM_${(checksumNames[Number(state)] ?? '?').toUpperCase()}`;

function checksumText(from: Value, to: Value): string {
  const states = `${checksumName(from)} → ${checksumName(to)}`;
  const isFilled = from === checksumState.partial && to === checksumState.none;
  return isFilled ? `checksum filled in (${states})` : `checksum ${states}`;
}

function vlanValue({ vlan, network }: StepFacts): string | undefined {
  if (network?.tagsInBytes === undefined) return undefined;
  const inBytes = network.tagsInBytes > 0 ? `${network.tagsInBytes} in the bytes` : '';
  const inMetadata = vlan ? `${vlan.tci & 0xfff} in metadata` : '';
  return [inMetadata, inBytes].filter((part) => part !== '').join(', ') || 'none';
}

function vlanText(from: Value, to: Value): string {
  if (from === 'none') return `VLAN tag pushed: ${to}`;
  if (to === 'none') return `VLAN tag popped: was ${from}`;
  return `VLAN tag ${from} → ${to}`;
}

function gsoValue({ gso }: StepFacts): string | undefined {
  if (gso === undefined) return undefined;
  return gso === null ? 'none' : `${gso.segments} segments of ${gso.size}`;
}

function layoutValue({ nonLinear, fragments }: StepFacts): string | undefined {
  if (nonLinear === undefined || fragments === undefined) return undefined;
  if (nonLinear === 0) return 'linear';
  const pages = fragments & 255;
  const parts = [
    pages > 0 ? `${pages} page fragment${pages === 1 ? '' : 's'}` : '',
    fragments > 255 ? 'a fragment list' : '',
  ];
  return `${nonLinear} bytes in ${parts.filter((part) => part !== '').join(' and ')}`;
}

const tunnelText = (from: Value, to: Value, { network }: StepFacts): string => {
  const outer = network?.src === undefined ? '' : `: ${network.src} > ${network.dst} is outermost now`;
  return `${Number(to) > Number(from) ? 'encapsulated' : 'decapsulated'}${outer}`;
};

const ttlText = (from: Value, to: Value, { network }: StepFacts): string =>
  `${network?.src?.includes(':') ? 'hop limit' : 'TTL'} ${from} → ${to}`;

const headText = (from: Value, to: Value): string =>
  `its bytes lie in other memory now (head ${from} → ${to})`;

const shownAddress = (value: Value): string => addressText(Number(value));

/** In the order in which they are told. `tunnel` comes before the fields of the outermost header. */
const rules: readonly Rule[] = [
  { field: 'netns', value: ({ netns }) => netns, text: arrow('network namespace') },
  {
    field: 'device',
    value: ({ netns, ifindex }, names) =>
      ifindex === undefined ? undefined : names.deviceLabel(netns ?? 0, ifindex),
    text: arrow('device'),
  },
  { field: 'tunnel', value: ({ network }) => network?.tunnels, text: tunnelText, notAtEnd: true },
  { field: 'proto', value: ({ network }) => network?.proto, text: arrow('protocol'), ofOuterHeader: true },
  { field: 'src', value: ({ network }) => network?.src, text: arrow('source'), ofOuterHeader: true },
  { field: 'sport', value: ({ network }) => network?.sport, text: arrow('source port'), ofOuterHeader: true },
  { field: 'dst', value: ({ network }) => network?.dst, text: arrow('destination'), ofOuterHeader: true },
  {
    field: 'dport',
    value: ({ network }) => network?.dport,
    text: arrow('destination port'),
    ofOuterHeader: true,
  },
  { field: 'ttl', value: ({ network }) => network?.ttl, text: ttlText, ofOuterHeader: true },
  { field: 'dscp', value: ({ network }) => network?.dscp, text: arrow('DSCP'), ofOuterHeader: true },
  { field: 'ecn', value: ({ network }) => network?.ecn, text: arrow('ECN'), ofOuterHeader: true },
  {
    field: 'length',
    value: ({ network }) => network?.length,
    text: (from, to) => `length ${from} → ${to} bytes (${signed(Number(to) - Number(from))})`,
    notAtEnd: true,
  },
  { field: 'vlan', value: vlanValue, text: vlanText, notAtEnd: true },
  { field: 'mark', value: ({ mark }) => mark, text: (from, to) => `mark ${hexText(from)} → ${hexText(to)}` },
  { field: 'gso', value: gsoValue, text: arrow('GSO') },
  { field: 'checksum', value: ({ checksum }) => checksum, text: checksumText, notAtEnd: true },
  { field: 'layout', value: layoutValue, text: arrow('memory'), notAtEnd: true },
  { field: 'skb', value: ({ skb }) => skb, shown: shownAddress, text: arrow('sk_buff') },
  { field: 'head', value: ({ head }) => head, shown: shownAddress, text: headText },
  { field: 'cpu', value: ({ cpu }) => cpu, text: arrow('CPU') },
  { field: 'hash', value: ({ hash }) => hash, text: (from, to) => `hash ${hexText(from)} → ${hexText(to)}` },
];

/** What is known of an sk_buff by now, field by field. */
type Known = (Value | undefined)[];

/** Which chains lie between a step and the one before it of the same branch. */
function chainsBetween(before: StepFacts | undefined, { step }: StepFacts): readonly BaseChain[] {
  return before && isNextBracket(before.step, step) ? (step.hook?.before ?? []) : [];
}

function changesAt(
  facts: StepFacts,
  at: number,
  known: Known,
  by: readonly BaseChain[],
  names: DeviceNames,
): Change[] {
  const changes: Change[] = [];
  const isEnd = facts.step.stage.layer === 'end';
  let hasOtherHeader = false;
  for (const [index, { field, value, text, shown, ofOuterHeader, notAtEnd }] of rules.entries()) {
    if (isEnd && notAtEnd) continue;
    const to = value(facts, names);
    const from = known[index];
    if (to === undefined || to === from) continue;
    known[index] = to;
    if (from === undefined || (ofOuterHeader && hasOtherHeader)) continue;
    if (field === 'tunnel') hasOtherHeader = true;
    const how = by.length > 0 ? ` in ${anyOfChains(by)}` : '';
    const [was, is] = shown ? [shown(from), shown(to)] : [from, to];
    changes.push({
      ...{ at, field, from: was, to: is, text: text(was, is, facts) + how },
      ...(by.length > 0 && { by }),
    });
  }
  return changes;
}

/**
 * All changes of a journey in order of its steps. A clone's or copy's first step is compared with what was known of the
 * sk_buff that it was made from. `hash` is left out unless asked for: the kernel computes it when it first needs it.
 */
export function changesOf(
  { branches }: Pick<Journey, 'branches'>,
  steps: readonly StepFacts[],
  names: DeviceNames,
  withHash = false,
): Change[] {
  const known: Known[] = [];
  const last: StepFacts[] = [];
  const changes = steps.flatMap((facts, at) => {
    if (isAside(facts)) return [];
    const { branch } = facts.step;
    const from = branches[branch]?.from;
    known[branch] ??= from === undefined ? [] : [...(known[from] ?? [])];
    const by = chainsBetween(last[branch], facts);
    last[branch] = facts;
    return changesAt(facts, at, known[branch], by, names);
  });
  return withHash ? changes : changes.filter(({ field }) => field !== 'hash');
}
