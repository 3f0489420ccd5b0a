/** A comparison as a table in path order and sentences below it. */
import { durationText } from '../compare/duration.js';
import type { Finding } from '../compare/findings.js';
import { chainLabel } from '../compare/place.js';
import type { ComparisonResult, StageCount } from '../compare/result.js';
import { listText, plural } from '../explain/words.js';
import { deciderText } from '../netfilter/words.js';
import { ruleDoubts } from './nft-text.js';
import { printable } from './printable.js';
import { wrapText } from './text-layout.js';

interface Column {
  readonly title: string;
  readonly text: (count: StageCount) => string;
  /** Shown only where some row has something to say. */
  readonly rare?: boolean;
  /** Where the terminal is narrow, what is highest goes first. */
  readonly expendable?: 1 | 2;
}

const some = (count: number): string => (count > 0 ? String(count) : '');
const time = (ns: number | undefined): string => (ns === undefined ? '' : durationText(ns));

const columns: readonly Column[] = [
  { title: 'packets', text: ({ packets = 0 }) => some(packets) },
  { title: 'bytes', text: ({ bytes = 0 }) => some(bytes), expendable: 2 },
  { title: 'dropped', text: ({ dropped }) => some(dropped) },
  { title: 'rewritten', text: ({ rewritten }) => some(rewritten), rare: true },
  { title: 'marked', text: ({ marked }) => some(marked), rare: true },
  { title: 'queued', text: ({ queued }) => some(queued), rare: true },
  { title: 'stolen or queued', text: ({ stolenOrQueued }) => some(stolenOrQueued), rare: true },
  { title: 'after tap', text: ({ afterTapNs }) => time(afterTapNs?.median), rare: true, expendable: 1 },
  { title: '99 %', text: ({ afterTapNs }) => time(afterTapNs?.p99), rare: true, expendable: 2 },
];

const gap = '  ';
/** Columns that places are worth before more numbers are; they get as many in any case. */
const placeMin = 24;

function placeOf(count: StageCount, severalNetns: boolean): string {
  const { chain, chains, device, family, reason, function: name, netnsName } = count;
  const list = chain ? [chain] : chains;
  if (list) return list.map((one) => `${chainLabel(one)} ${one.priority}`).join(' or ');
  if (device !== undefined) return device;
  const words = [family, reason, name && `in ${name}`, severalNetns && netnsName && `in ${netnsName}`];
  return words.filter(Boolean).join(' ');
}

const hasSeveralNetns = (stages: readonly StageCount[]): boolean =>
  new Set(stages.map(({ netns }) => netns)).size > 1;

const isChain = ({ chain, chains }: StageCount): boolean => chain !== undefined || chains !== undefined;

function clip(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

interface Cells {
  readonly head: string;
  readonly place: string;
  readonly values: readonly string[];
}

/** Widths of values, titles included. */
function widthsOf(shown: readonly Column[], rows: readonly Cells[]): number[] {
  return shown.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => row.values[index]!.length)),
  );
}

/** Undefined where places had too little room beside columns of this expendability. */
function tableLines(stages: readonly StageCount[], width: number, expendable: number): string[] | undefined {
  const filled = columns.filter(({ rare, text }) => !rare || stages.some((count) => text(count) !== ''));
  const shown = filled.filter((column) => (column.expendable ?? 0) <= expendable);
  const severalNetns = hasSeveralNetns(stages);
  const rows = stages.map((count) => ({
    head: isChain(count) ? '' : count.stage,
    place: printable(placeOf(count, severalNetns)),
    values: shown.map(({ text }) => text(count)),
  }));
  const widths = widthsOf(shown, rows);
  const head = Math.max(...rows.map((row) => row.head.length));
  const values = widths.reduce((sum, one) => sum + gap.length + one, 0);
  const wanted = Math.max(...rows.map(({ place }) => place.length));
  const left = width - head - gap.length - values;
  if (expendable > 0 && left < Math.min(wanted, placeMin)) return undefined;
  const place = Math.min(wanted, Math.max(left, 1));
  const line = (row: Cells): string => {
    const cells = row.values.map((value, index) => gap + value.padStart(widths[index]!));
    return `${row.head.padEnd(head)}${gap}${clip(row.place, place)}${cells.join('')}`.trimEnd();
  };
  return [{ head: '', place: '', values: shown.map(({ title }) => title) }, ...rows].map(line);
}

/** `9 in, 3 of 8 out` */
function unarmedCount({ packets, tap }: Finding): string {
  const all = tap!.packets === packets ? '' : ` of ${tap!.packets}`;
  return `${packets}${all} ${tap!.stage === 'rx-tap' ? 'in' : 'out'}`;
}

/** Taps that never ran, together: they are no fate of a packet, and there may be many. */
function unarmedTexts(findings: readonly Finding[]): string[] {
  if (findings.length < 2) return findings.map(({ text }) => text);
  const ofDevices = new Map<string, string[]>();
  for (const finding of findings) {
    const device = finding.tap?.device ?? '?';
    ofDevices.set(device, [...(ofDevices.get(device) ?? []), unarmedCount(finding)]);
  }
  const list = [...ofDevices].map(([device, counts]) => `${device} (${counts.join(', ')})`);
  return [`Nobody tapped ${listText(list)}: tcpdump would have shown these packets.`];
}

/** What rules decided, of the packets that the ruleset has nft trace. */
function ruleTexts(stages: readonly StageCount[], severalNetns: boolean): string[] {
  return stages.flatMap(({ stage, netnsName, chain, chains = chain ? [chain] : [], rules = [] }) => {
    if (rules.length === 0) return [];
    const list = [...rules]
      .sort((a, b) => b.packets - a.packets)
      .map((rule) => `${rule.verdict} ${deciderText(rule, chains)}: ${plural(rule.packets, 'packet')}`);
    const where = severalNetns && netnsName !== undefined ? ` in ${netnsName}` : '';
    const place = chains.length > 0 ? chains.map(chainLabel).join(' or ') : stage;
    return [`nft traced at ${place}${where}: ${list.join('; ')}.`];
  });
}

/** Why the numbers are not the whole truth; none where they are. */
function doubts(result: ComparisonResult): string[] {
  const { lost, lostByStage, journeys, nftTraces, gaps, withoutEnd, stillOpen } = result;
  const lines: string[] = [];
  const stages = Object.entries(lostByStage).filter(([, loss]) => loss.ring + (loss.recursion ?? 0) > 0);
  if (stages.length > 0) {
    const list = stages.map(([stage, { ring, recursion }]) => `${ring + (recursion ?? 0)} at ${stage}`);
    lines.push(`Events were lost (${list.join(', ')}): all numbers are lower bounds.`);
  } else if (lost.user > 0) lines.push(`${plural(lost.user, 'event')} lost: all numbers are lower bounds.`);
  const doubted = [...gaps.map(({ text }) => text), ...ruleDoubts(nftTraces)];
  lines.push(...doubted.map((text) => `${text[0]?.toUpperCase()}${text.slice(1)}.`));
  if (journeys.partial > 0) {
    const are = journeys.partial === 1 ? 'was' : 'were';
    lines.push(
      `${plural(journeys.partial, 'packet')} that ${are} on the way when the run began or ended ${are} left out.`,
    );
  }
  if (withoutEnd > 0) lines.push(`No end was seen of ${plural(withoutEnd, 'packet')}.`);
  if (stillOpen > 0) lines.push(`${plural(stillOpen, 'packet')} had not ended when the run did.`);
  if (journeys.guessed > 0)
    lines.push(
      `${plural(journeys.guessed, 'packet')} put together by a guess, where addresses and content prove nothing.`,
    );
  return lines;
}

/** One line while a run goes on: `40 packets, 12 dropped`. */
export function progressText(packets: number, dropped: number): string {
  return `${plural(packets, 'packet')}, ${dropped} dropped …`;
}

/** Lines for stdout, at most `width` wide where that can be done. */
export function comparisonLines(result: ComparisonResult, width: number): string[] {
  const { stages, findings } = result;
  if (stages.length === 0) return ['no packet was seen'];
  const table = [2, 1, 0].map((most) => tableLines(stages, width, most)).find((lines) => lines)!;
  const unarmed = findings.filter(({ kind }) => kind === 'unarmed');
  const others = findings.filter((one) => !unarmed.includes(one));
  const sentences = [
    ...others.map(({ text }) => text),
    ...ruleTexts(stages, hasSeveralNetns(stages)),
    ...unarmedTexts(unarmed),
    ...doubts(result),
  ];
  const wrapped = sentences.flatMap((text) => {
    const [first = '', ...others] = wrapText(printable(text), width - 2);
    return [`- ${first}`, ...others.map((line) => `  ${line}`)];
  });
  return [...table, ...(wrapped.length > 0 ? ['', ...wrapped] : [])];
}
