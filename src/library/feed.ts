/** What a sink puts in, and a program takes out at its own pace. */

/** Items that may wait for a program that does not take them: the run then pauses. */
const waitingMax = 16_384;

export class Feed<T> {
  private waiting: T[] = [];
  private isOver = false;
  private wake: () => void = () => undefined;

  push(items: readonly T[]): void {
    if (items.length === 0) return;
    this.waiting = this.waiting.length === 0 ? [...items] : this.waiting.concat(items);
    this.wake();
  }

  end(): void {
    this.isOver = true;
    this.wake();
  }

  get isCongested(): boolean {
    return this.waiting.length >= waitingMax;
  }

  /** All that waits, once something does; undefined behind the end. */
  async next(): Promise<T[] | undefined> {
    while (this.waiting.length === 0) {
      if (this.isOver) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const batch = this.waiting;
    this.waiting = [];
    return batch;
  }
}
