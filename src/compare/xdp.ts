/** Frames that native XDP took: by its verdicts, by drops that the stack of a driver explains, or counted by the driver. */
import type { XdpCounts } from '../system/xdp-counts.js';
import { type TakenVerdict, takenVerdicts } from '../system/xdp-counts.js';
import type { CountedXdp } from '../trace/xdp-keeper.js';
import type { Groups, TakenByXdp } from './groups.js';
import type { Row } from './place.js';
import type { Places } from './places.js';

const kinds: Readonly<Record<TakenVerdict, TakenByXdp>> = {
  aborted: 'aborted-by-xdp',
  drop: 'dropped-by-xdp',
  tx: 'sent-back-by-xdp',
  redirect: 'redirected-by-xdp',
};

const isLoss = (verdict: TakenVerdict): boolean => verdict === 'drop' || verdict === 'aborted';

export class Xdp {
  /** What events told already. */
  private readonly told = new Map<Row, Partial<Record<TakenVerdict, number>>>();

  constructor(
    private readonly places: Places,
    private readonly groups: Groups,
  ) {}

  /** Frames that were not handed on. */
  took(place: Row, verdict: TakenVerdict, frames = 1): void {
    const told = this.told.get(place) ?? {};
    this.told.set(place, { ...told, [verdict]: (told[verdict] ?? 0) + frames });
    if (isLoss(verdict)) place.dropped += frames;
    this.groups.add({ kind: kinds[verdict], place }, undefined, frames);
  }

  /** What drivers counted beyond that. */
  counted(all: readonly CountedXdp[]): void {
    for (const { netns, ifindex, program, frames } of all) this.add(netns, ifindex, program, frames);
  }

  private add(netns: number, ifindex: number, program: CountedXdp['program'], frames: XdpCounts): void {
    for (const verdict of takenVerdicts) {
      const count = frames[verdict] ?? 0;
      if (count === 0) continue;
      const place = this.places.xdp(netns, ifindex, program);
      const unseen = count - (this.told.get(place)?.[verdict] ?? 0);
      if (unseen > 0) this.took(place, verdict, unseen);
    }
  }
}
