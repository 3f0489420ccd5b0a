/** What may be asked of a capture file. */
import type { CaptureQuestions } from '../capture/capture-selection.js';
import { UsageError } from '../errors.js';
import type { ReadOptions } from '../record/reading.js';
import type { PacketSelection } from '../trace/packet-selection.js';

/** What only a recording tells of packets, and the option that asks for it. */
const kernelQuestions: readonly (readonly [keyof PacketSelection, string])[] = [
  ['mark', '--mark'],
  ['pids', '--pid'],
  ['comms', '--comm'],
  ['uids', '--uid'],
];

/** Throws UsageError where something is asked that such files do not tell. */
export function captureQuestions(path: string, { view, own, stages }: ReadOptions): CaptureQuestions {
  if (view !== 'trace')
    throw new UsageError(
      `--view ${view} needs the stages and ends of packets, which ${path} does not have: it is a capture file`,
      'record them with "taptrace path -w FILE.taptrace"',
    );
  const { selection = {}, interfaces, filter, count } = own;
  const [, option] = kernelQuestions.find(([key]) => selection[key] !== undefined) ?? [];
  if (option !== undefined)
    throw new UsageError(
      `${option} asks what ${path} does not tell: it is a capture file`,
      'record with "taptrace -w FILE.taptrace"',
    );
  const { direction, minLen, maxLen } = selection;
  return { interfaces, stages, filter, count, direction, minLen, maxLen };
}
