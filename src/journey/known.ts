/** Open lineages by what they can be recognised by. */
import { compareFingerprints, type Fingerprint } from './fingerprint.js';
import type { Lineage, OpenJourney } from './lineage.js';

/** Of one content, how many lineages are kept: copies are few, and equal packets many. */
const sameContentMax = 8;

export class Known {
  private readonly bySkb = new Map<number, Lineage>();
  private readonly byHead = new Map<number, Lineage>();
  private readonly byContent = new Map<number, Lineage[]>();

  skb(address: number): Lineage | undefined {
    return address === 0 ? undefined : this.bySkb.get(address);
  }

  /** The newest sk_buff that used this memory. */
  head(address: number): Lineage | undefined {
    return address === 0 ? undefined : this.byHead.get(address);
  }

  /** Lineages that carry the same, newest first. */
  content(print: Fingerprint): Lineage[] {
    const all = this.byContent.get(contentKey(print)) ?? [];
    return all.filter((one) => compareFingerprints(one.print, print) === 'same').reverse();
  }

  bind(lineage: Lineage, skb: number, head: number): void {
    if (skb !== 0 && lineage.skb !== skb) {
      if (lineage.skb !== 0) this.unbindSkb(lineage);
      lineage.skb = skb;
    }
    if (skb !== 0 && !lineage.ended) this.bySkb.set(skb, lineage);
    if (head === 0) return;
    if (lineage.head !== head) this.unbindHead(lineage);
    lineage.head = head;
    this.byHead.set(head, lineage);
  }

  /** The address is free again; its memory may still be shared. */
  unbindSkb(lineage: Lineage): void {
    if (this.bySkb.get(lineage.skb) === lineage) this.bySkb.delete(lineage.skb);
  }

  private unbindHead(lineage: Lineage): void {
    if (this.byHead.get(lineage.head) === lineage) this.byHead.delete(lineage.head);
  }

  /** `print` is what the lineage carries from now on. */
  carries(lineage: Lineage, print: Fingerprint): void {
    if (print.numbers === 0 || print.payload === 0) return;
    const before = contentKey(lineage.print);
    const key = contentKey(print);
    if (before === key && lineage.print.numbers !== 0) return;
    if (lineage.print.numbers !== 0) this.removeContent(lineage);
    lineage.print.numbers = print.numbers;
    lineage.print.payload = print.payload;
    const all = this.byContent.get(key);
    if (!all) this.byContent.set(key, [lineage]);
    else if (all.push(lineage) > sameContentMax) all.shift();
  }

  private removeContent(lineage: Lineage): void {
    const key = contentKey(lineage.print);
    const rest = this.byContent.get(key)?.filter((one) => one !== lineage);
    if (rest?.length) this.byContent.set(key, rest);
    else this.byContent.delete(key);
  }

  forget({ lineages }: OpenJourney): void {
    for (const lineage of lineages) {
      this.unbindSkb(lineage);
      this.unbindHead(lineage);
      this.removeContent(lineage);
    }
  }
}

const contentKey = ({ numbers, payload }: Fingerprint): number =>
  (numbers ^ Math.imul(payload, 0x9e3779b1)) >>> 0;
