/** Verdicts that end a packet's way. */
import type { Stage } from '../stages/types.js';
import type { TakenVerdict } from '../system/xdp-counts.js';
import type { TapEvent } from '../trace/event.js';

/** linux/bpf.h, enum xdp_action. */
const XDP_PASS = 2;

/** The XDP program dropped the frame, sent it back or redirected it: there will be no packet of it on this device. */
export function isTakenByXdp({ stage, record }: Pick<TapEvent, 'stage' | 'record'>): boolean {
  return isTaken(stage, record.has('verdict') ? record.verdict : undefined);
}

/** The same, of a verdict that was read already. */
export const isTaken = ({ id }: Stage, verdict: number | undefined): boolean =>
  id === 'xdp' && verdict !== undefined && verdict !== XDP_PASS;

const taken: Readonly<Record<number, TakenVerdict>> = { 1: 'drop', 3: 'tx', 4: 'redirect' };

/** What became of such a frame; drivers take a number that they do not know for aborted. */
export const takenVerdict = (verdict: number): TakenVerdict => taken[verdict] ?? 'aborted';
