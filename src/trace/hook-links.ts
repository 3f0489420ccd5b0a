/** The links of one hook (namespace, family, hook number): opens what is missing, closes what is in the way. */
import { isNativeError } from '../native/binding.js';
import { type Bracket, bracketsOf } from '../netfilter/brackets.js';
import type { BaseChain } from '../netfilter/types.js';

/** Opens and closes links at one hook. Throws NativeError, of code EBUSY where another hook has the priority. */
export interface LinkMaker {
  open(slot: number, priority: number): number;
  close(link: number): void;
}

interface Link {
  readonly slot: number;
  readonly link: number;
}

/** A link that stands, with the chains around it. */
export interface PlacedBracket extends Bracket {
  readonly slot: number;
}

export class HookLinks {
  private readonly links = new Map<number, Link>();

  constructor(private readonly maker: LinkMaker) {}

  /** Whether a link of ours has this priority. */
  has(priority: number): boolean {
    return this.links.has(priority);
  }

  /**
   * Brackets these chains. A priority that somebody else has is done without: the next free one is taken, or the chains
   * around it are named together. Links stay where they are wanted again, so that no packet slips by. Throws NativeError.
   */
  follow(chains: readonly BaseChain[]): PlacedBracket[] {
    const unusable = new Set<number>();
    const brackets = this.openAll(chains, unusable);
    const wanted = new Set(brackets.map(({ priority }) => priority));
    for (const [priority, { link }] of this.links) {
      if (wanted.has(priority)) continue;
      this.maker.close(link);
      this.links.delete(priority);
    }
    return brackets.map((bracket) => ({ ...bracket, slot: this.links.get(bracket.priority)!.slot }));
  }

  private openAll(chains: readonly BaseChain[], unusable: Set<number>): Bracket[] {
    for (;;) {
      const brackets = bracketsOf(chains, unusable);
      const refused = brackets.find(({ priority }) => !this.openAt(priority));
      if (!refused) return brackets;
      unusable.add(refused.priority);
    }
  }

  /** False where somebody else has the priority. */
  private openAt(priority: number): boolean {
    if (this.links.has(priority)) return true;
    const slot = this.freeSlot();
    try {
      this.links.set(priority, { slot, link: this.maker.open(slot, priority) });
      return true;
    } catch (error) {
      if (isNativeError(error) && error.code === 'EBUSY') return false;
      throw error;
    }
  }

  /** Slots of links that are about to be closed are still in use: their events are on their way. */
  private freeSlot(): number {
    const used = new Set([...this.links.values()].map(({ slot }) => slot));
    let slot = 0;
    while (used.has(slot)) slot += 1;
    return slot;
  }

  close(): void {
    for (const { link } of this.links.values()) this.maker.close(link);
    this.links.clear();
  }
}
