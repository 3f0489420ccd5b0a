/**
 * Stages that a packet must have passed between two events, although nobody watched them: the stage table names the
 * stages that prove each.
 */
import { stages } from '../stages/table.js';
import type { Stage, StageId } from '../stages/types.js';

/** Where a packet was seen; what decides about the stages between. */
export interface Seen {
  readonly stage: Stage;
  readonly netnsInum: number | undefined;
  readonly ifindex: number | undefined;
}

const positions = new Map(stages.map((stage, index) => [stage.id, index]));
const position = ({ id }: Stage): number => positions.get(id)!;
const wayOut = positions.get('nf-output')!;
const isWayOut = (stage: Stage): boolean => position(stage) >= wayOut;

/** Stages with those whose events prove them; last ones first, since what is proved proves others in turn. */
const provable: readonly (readonly [Stage, readonly StageId[]])[] = stages.toReversed().flatMap((stage) => {
  const proof = stage.ladder.find(({ provedBy }) => provedBy)?.provedBy;
  return proof ? [[stage, proof] as const] : [];
});

/** Behind PRE_ROUTING, where only a packet comes that IP took: br_netfilter runs the hook for bridged frames as well. */
const onlyOfIp: ReadonlySet<StageId> = new Set(['nf-input', 'l4-rcv', 'sock-queue']);

const isElsewhere = (a: Seen, b: Seen): boolean =>
  (a.netnsInum !== undefined && b.netnsInum !== undefined && a.netnsInum !== b.netnsInum) ||
  (a.ifindex !== undefined && b.ifindex !== undefined && a.ifindex !== b.ifindex);

/** What tc egress redirects passes no egress chains of the device that it goes to (net/core/dev.c, nf_skip_egress). */
const isSkipped = (stage: Stage, from: Seen): boolean =>
  stage.id === 'nf-egress' && from.stage.id === 'tc-egress';

/** Whether `stage` lies on the way from one event to the next. */
function isBetween(stage: Stage, from: Seen, to: Seen): boolean {
  if (isWayOut(stage) !== isWayOut(to.stage) || position(stage) >= position(to.stage)) return false;
  if (isSkipped(stage, from)) return false;
  if (isWayOut(from.stage) !== isWayOut(to.stage)) return true;
  return isElsewhere(from, to) || position(stage) > position(from.stage);
}

/** What came behind on the same device and way: all of it is behind what lies before `later[0]`. */
function stretchOf(later: readonly Seen[]): Seen[] {
  const first = later[0]!;
  const end = later.findIndex(
    (one) =>
      one.stage.layer === 'end' || isElsewhere(first, one) || isWayOut(one.stage) !== isWayOut(first.stage),
  );
  return later.slice(0, end < 0 ? undefined : end);
}

/**
 * What lies between two events of one sk_buff, `from` and the first of `later`, in path order; the others of `later` came
 * behind it. A stage that is watched is never inferred: that it was not seen means something else.
 */
export function inferredBetween(from: Seen, later: readonly Seen[], watched: ReadonlySet<StageId>): Stage[] {
  const proofs = stretchOf(later).map(({ stage }) => stage.id);
  const isOfIp = proofs.some((id) => onlyOfIp.has(id));
  const found: Stage[] = [];
  for (const [stage, provers] of provable) {
    if (watched.has(stage.id) || !provers.some((id) => proofs.includes(id))) continue;
    if (stage.id === 'ip-rcv' && !isOfIp) continue;
    proofs.push(stage.id);
    if (isBetween(stage, from, later[0]!)) found.unshift(stage);
  }
  return found;
}
