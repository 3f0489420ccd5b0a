/** What a recording holds, in a few lines. */
import type { RecordingInfo } from '../record/info.js';
import type { SummaryMessage } from '../record/schema.js';
import { printable } from './printable.js';

function lossText({ lost, lostUser }: SummaryMessage): string {
  const known = lost.map(({ ring, recursion }) => Number(ring) + Number(recursion ?? 0));
  const total = known.reduce((sum, count) => sum + count, Number(lostUser));
  if (total > 0) return `${total} events were lost`;
  return lost.some(({ recursion }) => recursion === undefined)
    ? 'what the kernel skipped is not known'
    : 'nothing was lost';
}

const momentText = (epochNs: bigint): string => `${new Date(Number(epochNs / 1_000_000n)).toISOString()}`;

/** `bytes`: of the file, where that is known. */
export function recordingInfoLines(
  { header, events, summary }: RecordingInfo,
  bytes: number | undefined,
): string[] {
  const { options, attachments } = header;
  const stages = [...new Set(attachments.map(({ stage }) => stage))];
  const beganNs = BigInt(header.bootNs) + BigInt(header.wallOffsetNs);
  return [
    `events: ${events}${summary ? ` in ${summary.seconds.toFixed(1)} s, ${lossText(summary)}` : ''}`,
    ...(bytes === undefined ? [] : [`bytes: ${bytes}`]),
    `begun: ${momentText(beganNs)}`,
    `ended: ${summary ? summary.reason : 'early'}`,
    `host: ${printable(header.host)}, Linux ${printable(header.kernel)}, taptrace ${printable(header.taptrace)}`,
    `stages: ${stages.join(', ')}`,
    ...(options.interfaces.length > 0 ? [`interfaces: ${options.interfaces.map(printable).join(', ')}`] : []),
    ...(options.filter === undefined ? [] : [`filter: ${printable(options.filter)}`]),
  ];
}
