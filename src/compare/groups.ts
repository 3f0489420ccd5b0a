/** Packets that met the same fate at the same place: what a finding is made of. */
import { isSameRule, type RuleHit } from '../netfilter/rule-trace.js';
import type { StageId } from '../stages/types.js';
import type { End } from './flow.js';
import { Histogram } from './histogram.js';
import type { Row } from './place.js';

/** What an XDP program did with frames. */
export type TakenByXdp = 'dropped-by-xdp' | 'aborted-by-xdp' | 'sent-back-by-xdp' | 'redirected-by-xdp';

export type GroupKind =
  | 'dropped'
  | 'dropped-before-tap'
  | TakenByXdp
  | 'rewritten'
  | 'marked'
  | 'queued'
  | 'stolen'
  | 'stolen-or-queued'
  | 'tap-only'
  | 'tap-full'
  | 'bypassed'
  | 'bridged'
  | 'redirected'
  | 'left';

/** What NAT made of an end of the flow. */
export interface Translation {
  readonly what: End;
  /** Absent: any others than those that are listed. */
  readonly from?: string;
  readonly to?: string;
}

/** What makes packets of one kind belong together. */
export interface Circumstances {
  readonly kind: GroupKind;
  readonly place: Row;
  /** The last tap before. */
  readonly tap?: Row | undefined;
  /** The first hook since that tap, or since the packet was first seen. */
  readonly entered?: StageId | undefined;
  /** The next place that saw the packet. */
  readonly later?: Row | undefined;
  readonly translation?: Translation;
  /** Of nft, where its tracing told: what dropped them. */
  readonly rule?: RuleHit | undefined;
}

export interface Group extends Circumstances {
  packets: number;
  /** Since the tap; of queued packets, the time in the queue. */
  readonly time: Histogram;
}

const groupsMax = 4096;
/** Translations told one by one, for each place and tap. */
const translationsMax = 16;

const sameTranslation = (a?: Translation, b?: Translation): boolean =>
  a?.what === b?.what && a?.from === b?.from && a?.to === b?.to;

const isSame = (a: Circumstances, b: Circumstances): boolean =>
  a.kind === b.kind &&
  a.tap === b.tap &&
  a.entered === b.entered &&
  a.later === b.later &&
  isSameRule(a.rule, b.rule);

export class Groups {
  private readonly byPlace = new Map<Row, Group[]>();
  private size = 0;
  /** Packets whose group found no room. */
  leftOut = 0;

  /** Counts a packet, or so many. */
  add(what: Circumstances, timeNs?: number, packets = 1): void {
    const group = this.find(what);
    if (!group) {
      this.leftOut += packets;
      return;
    }
    group.packets += packets;
    if (timeNs !== undefined) group.time.add(timeNs);
  }

  private find(what: Circumstances): Group | undefined {
    const ofPlace = this.byPlace.get(what.place) ?? [];
    this.byPlace.set(what.place, ofPlace);
    const same = ofPlace.filter((group) => isSame(group, what));
    const known = same.find(({ translation }) => sameTranslation(translation, what.translation));
    if (known) return known;
    const { translation } = what;
    const others = translation?.from !== undefined && same.length >= translationsMax;
    if (others) return this.find({ ...what, translation: { what: translation.what } });
    if (this.size >= groupsMax) return undefined;
    this.size += 1;
    const group = { ...what, packets: 0, time: new Histogram() };
    ofPlace.push(group);
    return group;
  }

  get all(): Group[] {
    return [...this.byPlace.values()].flat();
  }
}
