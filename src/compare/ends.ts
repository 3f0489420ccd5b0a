/** How packets ended: dropped, and by whom; consumed; or not seen again. */
import type { CloseReason } from '../journey/journey.js';
import type { Step } from '../journey/step.js';
import type { RuleHit } from '../netfilter/rule-trace.js';
import type { Death } from '../stages/death.js';
import { stageById } from '../stages/lookup.js';
import type { StageId } from '../stages/types.js';
import type { TapEvent } from '../trace/event.js';
import type { Groups } from './groups.js';
import type { OtherFamily, Row } from './place.js';
import { type ComparisonNames, functionOf, type Places } from './places.js';
import { countIn, type Pass, type Walk } from './walk.js';
import type { Xdp } from './xdp.js';

const netfilterFunction = /^(nf|nft|ipt|ip6t|xt)_/;

/** Whether the drop's stack says that it was in a netfilter hook; undefined where it does not tell. */
function isInHook({ stage, position, function: name }: Death): boolean | undefined {
  if (stage !== undefined) return position === 'in' && stageById(stage).group === 'netfilter';
  return netfilterFunction.test(name) ? true : undefined;
}

/** Hooks run inside one another where the bridge runs those of IP. */
function isAnotherHook({ place }: Row, { stage, family }: Death): boolean {
  if (stage !== undefined && stage !== place.stage) return true;
  return family !== undefined && otherFamily(family) !== place.family;
}

const isByGenericXdp = ({ stage, position }: Death): boolean => stage === 'rx-tap' && position === 'in';

const otherFamily = (family: Death['family']): OtherFamily | undefined =>
  family === 'ip' || family === 'ip6' ? undefined : family;

/** The rule of nft that dropped a packet, where it told. */
function dropper(place: Row, pass: Pass | undefined): RuleHit | undefined {
  if (!pass || (place !== pass.chains && place !== pass.hook)) return undefined;
  return pass.decision?.verdict === 'drop' ? pass.decision : undefined;
}

export class Ends {
  constructor(
    private readonly names: ComparisonNames,
    private readonly places: Places,
    private readonly groups: Groups,
    private readonly xdp: Xdp,
  ) {}

  dropped({ atNs }: Step, event: TapEvent, walk: Walk): void {
    const { tap, last, entered } = walk;
    const death = this.names.death(event.record);
    if (death?.stage === 'xdp') {
      this.byXdp(event);
      return;
    }
    const place = this.killer(event, walk, death);
    place.dropped += 1;
    if (tap?.row === last && tap?.row.place.stage === 'rx-tap' && death && isByGenericXdp(death)) {
      // The entry of the receive function, where it was seen, is in front of generic XDP; the tap is behind.
      tap.row.packets -= 1;
      tap.row.bytes -= tap.bytes;
      if (tap.isUnarmed) tap.row.unarmed -= 1;
      this.groups.add({ kind: 'dropped-before-tap', place, tap: tap.row });
    } else
      this.groups.add(
        { kind: 'dropped', place, tap: tap?.row, entered, rule: dropper(place, walk.pass) },
        tap ? atNs - tap.atNs : undefined,
      );
  }

  /** A driver that had an skb already gave it up for its XDP program (drivers/net/veth.c). */
  private byXdp({ record }: TapEvent): void {
    this.xdp.took(this.places.xdp(record.netnsInum, record.ifindex), 'drop');
  }

  /** The chains or the hook that dropped a packet, else its reason. */
  private killer(event: TapEvent, walk: Walk, death: Death | undefined): Row {
    const pass = walk.openPass;
    const inHook = death && isInHook(death);
    if (pass && (inHook ?? pass.count > 0) && !(death && isAnotherHook(pass.hook, death))) {
      if (pass.chains) pass.hook.dropped += 1;
      return pass.chains ?? pass.hook;
    }
    if (inHook && death.stage) return this.unwatched(event, death.stage, otherFamily(death.family));
    return this.counted(this.places.dropped(event, death), event);
  }

  private unwatched(event: TapEvent, stage: StageId, family: OtherFamily | undefined): Row {
    const hook = this.places.hookOf(event, stage, family);
    const chain = this.places.onlyChain(event, hook);
    if (chain) hook.dropped += 1;
    return chain ?? hook;
  }

  private counted(row: Row, event: TapEvent): Row {
    row.packets += 1;
    row.bytes += event.packet.len;
    return row;
  }

  consumed(event: TapEvent, walk: Walk): void {
    const { record } = event;
    const place = this.counted(this.places.consumed(event), event);
    const pass = walk.midHook;
    if (pass) this.taken(pass, walk, 'stolen');
    if (!record.has('location') || !walk.tap || walk.tap.row !== walk.last) return;
    const isByTap = /^t?packet_rcv/.test(functionOf(this.names.symbol(record.location)));
    if (isByTap) this.groups.add({ kind: 'tap-only', place, tap: walk.tap.row });
  }

  /** The clone that a tap on the way out was given was refused by its socket: the packet itself goes on. */
  refusedByTap(event: TapEvent, { tap }: Walk): void {
    const place = this.places.dropped(event, this.names.death(event.record));
    this.groups.add({ kind: 'tap-full', place, tap: tap?.row });
  }

  /**
   * No end was seen. In the middle of a hook that is what a queue looks like, or a chain that steals packets; fragments
   * wait there for the others, and become part of the whole.
   */
  vanished(walk: Walk, closed: CloseReason): void {
    const pass = walk.midHook;
    if (pass && closed !== 'merged') this.taken(pass, walk, 'stolen-or-queued');
  }

  private taken(pass: Pass, walk: Walk, kind: 'stolen' | 'stolen-or-queued'): void {
    const place = pass.chains ?? pass.hook;
    countIn(place, pass, 'stolenOrQueued');
    this.groups.add({ kind, place, tap: walk.tap?.row, entered: walk.entered });
  }
}
