/** Whether one stage can follow another on the way of one sk_buff, by the order of the stage table. */
import { stages } from '../stages/table.js';
import type { Stage, StageId } from '../stages/types.js';

/** Where a packet was last seen. */
export interface Position {
  readonly stage: Stage;
  readonly netnsInum: number;
  /** 0: it had no device there. */
  readonly ifindex: number;
  readonly cpu: number;
  /** ARPHRD_* of the device; 0: not known. */
  readonly linkType: number;
  /** Several programs may watch one stage, one behind the other: the brackets of a netfilter hook. */
  readonly bracket: number;
}

/**
 * `onward`: the next thing on the same device. `handover`: to another device, namespace, or from the way out to the way
 * in. `again`: what a driver that was busy, or a queue, makes of it. `birth`: only a new packet starts here.
 * `backward`: no packet goes this way.
 */
export type Transition = 'onward' | 'handover' | 'again' | 'birth' | 'backward';

const positions = new Map<StageId, number>(stages.map((stage, index) => [stage.id, index]));
const wayOutStart = positions.get('nf-output')!;

const isWayOut = ({ id }: Stage): boolean => positions.get(id)! >= wayOutStart;
const repeats: ReadonlySet<StageId> = new Set([
  'qdisc-enqueue',
  'qdisc-dequeue',
  'tx-tap',
  'start-xmit',
  'xmit-done',
]);
/** The host took the packet: what is sent next from the same memory is another one. */
const delivered: ReadonlySet<StageId> = new Set(['nf-input', 'l4-rcv', 'sock-queue']);
const handedToDriver: ReadonlySet<StageId> = new Set(['tx-tap', 'start-xmit', 'xmit-done']);

export function isDelivered({ stage }: Position): boolean {
  return delivered.has(stage.id);
}

function isSameDevice(a: Position, b: Position): boolean {
  if (a.netnsInum !== 0 && b.netnsInum !== 0 && a.netnsInum !== b.netnsInum) return false;
  return a.ifindex === 0 || b.ifindex === 0 || a.ifindex === b.ifindex;
}

export function transitionOf(last: Position, next: Position): Transition {
  if (next.stage.layer === 'end') return 'onward';
  const wasOut = isWayOut(last.stage);
  if (!isWayOut(next.stage)) {
    if (wasOut) return 'handover';
    return sameWay(last, next);
  }
  if (!wasOut) return delivered.has(last.stage.id) ? 'birth' : fromIn(next);
  // A tunnel's device sends what it was handed as a packet of this host; nobody else goes back to there.
  if (next.stage.id === 'nf-output' && last.stage.id !== 'nf-output')
    return handedToDriver.has(last.stage.id) ? 'handover' : 'backward';
  return sameWay(last, next);
}

const fromIn = ({ stage }: Position): Transition => (stage.id === 'nf-output' ? 'birth' : 'handover');

/** br_netfilter runs the hooks of IP for frames that the bridge has yet to hand to its own device. */
const bridgedHooks: ReadonlySet<StageId> = new Set(['nf-prerouting']);
const entries: ReadonlySet<StageId> = new Set(['netif-rx', 'rx-tap', 'delivery', 'tc-ingress', 'nf-ingress']);

function sameWay(last: Position, next: Position): Transition {
  if (!isSameDevice(last, next)) return 'handover';
  const step = positions.get(next.stage.id)! - positions.get(last.stage.id)!;
  if (step > 0 || (step === 0 && next.bracket > last.bracket)) return 'onward';
  if (repeats.has(next.stage.id) && repeats.has(last.stage.id)) return 'again';
  return bridgedHooks.has(last.stage.id) && entries.has(next.stage.id) ? 'handover' : 'backward';
}
