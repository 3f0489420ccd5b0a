/** How packets ended: dropped, and by whom; consumed; or not seen again. */
import type { Step } from '../journey/step.js';
import type { TapEvent } from '../trace/event.js';
import { type Death, deathOf, isByGenericXdp, isInHook } from './death.js';
import type { Groups } from './groups.js';
import type { Row } from './place.js';
import { type ComparisonNames, functionOf, type Places } from './places.js';
import { countIn, type Pass, type Walk } from './walk.js';

export class Ends {
  constructor(
    private readonly names: ComparisonNames,
    private readonly places: Places,
    private readonly groups: Groups,
  ) {}

  dropped({ atNs }: Step, event: TapEvent, walk: Walk): void {
    const { tap, last, entered } = walk;
    const death = deathOf(event, this.names);
    const place = this.killer(event, walk, death);
    place.dropped += 1;
    if (tap?.row === last && tap?.row.place.stage === 'rx-tap' && isByGenericXdp(death)) {
      // The entry of the receive function, where it was seen, is in front of generic XDP; the tap is behind.
      tap.row.packets -= 1;
      tap.row.bytes -= tap.bytes;
      if (tap.isUnarmed) tap.row.unarmed -= 1;
      this.groups.add({ kind: 'dropped-before-tap', place, tap: tap.row });
    } else
      this.groups.add({ kind: 'dropped', place, tap: tap?.row, entered }, tap ? atNs - tap.atNs : undefined);
  }

  /** The chains or the hook that dropped a packet, else its reason. */
  private killer(event: TapEvent, walk: Walk, death: Death): Row {
    const pass = walk.openPass;
    if (!pass || !(isInHook(death) ?? pass.count > 0)) return this.counted(event);
    if (pass.chains) pass.hook.dropped += 1;
    return pass.chains ?? pass.hook;
  }

  private counted(event: TapEvent): Row {
    const row = this.places.end(event);
    row.packets += 1;
    row.bytes += event.packet.len;
    return row;
  }

  consumed(event: TapEvent, walk: Walk): void {
    const { record } = event;
    const place = this.counted(event);
    const pass = walk.midHook;
    if (pass) this.taken(pass, walk, 'stolen');
    if (!record.has('location') || !walk.tap || walk.tap.row !== walk.last) return;
    const isByTap = /^t?packet_rcv/.test(functionOf(this.names.symbol(record.location)));
    if (isByTap) this.groups.add({ kind: 'tap-only', place, tap: walk.tap.row });
  }

  /** The clone that a tap on the way out was given was refused by its socket: the packet itself goes on. */
  refusedByTap(event: TapEvent, { tap }: Walk): void {
    this.groups.add({ kind: 'tap-full', place: this.places.end(event), tap: tap?.row });
  }

  /** In the middle of a hook that is what a queue looks like, or a chain that steals packets. */
  vanished(walk: Walk): void {
    const pass = walk.midHook;
    if (pass) this.taken(pass, walk, 'stolen-or-queued');
  }

  private taken(pass: Pass, walk: Walk, kind: 'stolen' | 'stolen-or-queued'): void {
    const place = pass.chains ?? pass.hook;
    countIn(place, pass, 'stolenOrQueued');
    this.groups.add({ kind, place, tap: walk.tap?.row, entered: walk.entered });
  }
}
