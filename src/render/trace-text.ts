/** What a trace says on stderr: the header before the first event and the summary with the loss ledger. */

import { armsDevices } from '../attach/plan.js';
import { plural } from '../explain/words.js';
import type { StageWatch } from '../stages/report.js';
import { type TakenVerdict, takenVerdicts } from '../system/xdp-counts.js';
import { armedLine } from '../trace/arming.js';
import type { StageLoss } from '../trace/ledger.js';
import type { TraceHeader, TraceSummary } from '../trace/trace.js';
import type { CountedXdp } from '../trace/xdp-keeper.js';
import { printable } from './printable.js';

function watchText({ stage, mechanism, target, observed }: StageWatch): string {
  const how =
    mechanism === 'inferred' || mechanism === 'counted'
      ? `${mechanism} from ${target}`
      : `by ${mechanism} ${target}`;
  return `${stage} ${how}${observed === false ? ' (a probe of ours)' : ''}`;
}

/** Stages that cannot be watched, one line a reason. */
function unwatchedLines(watches: readonly Pick<StageWatch, 'stage' | 'reason' | 'mechanism'>[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { stage, mechanism, reason } of watches)
    if (!mechanism) byReason.set(reason, [...(byReason.get(reason) ?? []), stage]);
  return [...byReason].map(([reason, stages]) => `not watched: ${stages.join(', ')} (${reason})`);
}

const hint = '"taptrace doctor" tells why';

/** Many stages, told by how they are watched; why others are not is doctor's to tell. */
function briefLines(watches: readonly StageWatch[]): string[] {
  const idsOf = (test: (watch: StageWatch) => boolean): string =>
    watches
      .filter(test)
      .map(({ stage }) => stage)
      .join(', ');
  const isInferred = ({ mechanism }: StageWatch): boolean => mechanism === 'inferred';
  const isCounted = ({ mechanism }: StageWatch): boolean => mechanism === 'counted';
  const isProbe = ({ observed }: StageWatch): boolean => observed === false;
  const groups = [
    [
      'watching',
      idsOf(
        (watch) => ![!watch.mechanism, isInferred(watch), isCounted(watch), isProbe(watch)].includes(true),
      ),
      '',
    ],
    ['by probes of ours, which others could see:', idsOf(isProbe), ' (--observe leaves them out)'],
    ['inferred from their neighbours:', idsOf(isInferred), ''],
    ['counted by drivers:', idsOf(isCounted), ''],
    ['not watched:', idsOf(({ mechanism }) => !mechanism), ` (${hint})`],
  ] as const;
  return groups.flatMap(([head, ids, tail]) => (ids ? [`${head} ${ids}${tail}`] : []));
}

/** --arm was asked for and nothing was armed: why. */
function armNote({ plan, options }: TraceHeader): string[] {
  if (!options.arm || armsDevices(plan)) return [];
  const reason = plan.watches
    .flatMap(({ passedOver }) => passedOver)
    .find(({ mechanism }) => mechanism === 'packet_socket')?.reason;
  return [`--arm armed nothing: ${reason ?? 'no tap is among the stages watched'}`];
}

/** What was not given up, and why. */
function rightsLines({ rights }: TraceHeader): string[] {
  const { kept = [], failure } = rights ?? {};
  const names = kept.map(({ name, reason }) => `${name} (${reason})`).join(', ');
  const others = failure ? '' : '; all others dropped';
  return [...(names ? [`capabilities kept: ${names}${others}`] : []), ...(failure ? [failure] : [])];
}

/** Lines for stderr, each without its newline. */
export function headerLines(header: TraceHeader): string[] {
  const { plan, armed, notes } = header;
  const watched = plan.watches.filter(({ mechanism }) => mechanism).map(watchText);
  const watching =
    header.options.follow === 'packets'
      ? briefLines(plan.watches)
      : [`watching ${watched.join(', ')}`, ...unwatchedLines(plan.watches)];
  return [
    ...watching,
    armedLine(armed, armsDevices(plan)),
    ...armNote(header),
    ...notes,
    ...rightsLines(header),
  ];
}

function lossText([stage, loss]: [string, StageLoss]): string {
  const parts: string[] = [];
  if (loss.ring) parts.push(`${loss.ring} because the ring buffer was full`);
  if (loss.recursion) parts.push(`${loss.recursion} because its program was interrupted by itself`);
  return `lost at ${stage}: ${parts.join(', ')}`;
}

const taken: Readonly<Record<TakenVerdict, string>> = {
  ...{ aborted: 'aborted', drop: 'dropped', tx: 'sent back', redirect: 'redirected' },
};

/** `xdp on vb: 40 frames dropped before they were packets (counted by the driver)`; nothing where there were none. */
function countedLine({ stage, ifname, frames }: CountedXdp): string[] {
  const texts = takenVerdicts.flatMap((verdict) => {
    const count = frames[verdict] ?? 0;
    return count > 0 ? [`${plural(count, 'frame')} ${taken[verdict]}`] : [];
  });
  if (texts.length === 0) return [];
  return [
    `${stage} on ${printable(ifname)}: ${texts.join(', ')} before they were packets (counted by the driver)`,
  ];
}

function completeness({ ledger, broken }: TraceSummary): string {
  if (broken && ledger.complete !== false) return 'completeness unknown: the recording ends early';
  if (ledger.complete === true) return 'complete: nothing was lost';
  if (ledger.complete === 'unknown')
    return 'completeness unknown: this kernel does not count skipped programs, nothing else was lost';
  return 'NOT complete';
}

/** Lines for stderr, each without its newline. */
export function summaryLines(summary: TraceSummary, isBrief = false): string[] {
  const { events, ledger, filteredOut, undecided, late, forgotten, notWatched, counted } = summary;
  const lines = [`${plural(events, 'event')} in ${summary.seconds.toFixed(1)} s, ${completeness(summary)}`];
  for (const entry of Object.entries(ledger.lostByStage))
    if (entry[1].ring || entry[1].recursion) lines.push(lossText(entry));
  lines.push(...counted.flatMap(countedLine));
  if (filteredOut && !isBrief) lines.push(`${plural(filteredOut, 'event')} did not match the filter`);
  if (undecided)
    lines.push(
      `${plural(undecided, 'event')} could not be decided by the filter: too few bytes captured, or no link header`,
    );
  if (forgotten)
    lines.push(
      `the table of followed packets was full: ${plural(forgotten, 'time')} the oldest was let go before its end`,
    );
  if (late) lines.push(`${plural(late, 'event')} came late, after later ones were printed (marked late)`);
  return isBrief ? lines : [...lines, ...unwatchedLines(notWatched)];
}
