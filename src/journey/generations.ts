/** Values by key that are forgotten some time later, without looking for the old ones. */

export class Generations<Value> {
  private young = new Map<string, Value[]>();
  private old = new Map<string, Value[]>();
  private size = 0;
  private sinceNs: number | undefined;
  /** Values that had to go early, since there were too many. */
  forgotten = 0;

  constructor(
    /** Each is kept for at least so long, and less than twice that. */
    private readonly keptNs: number,
    /** In one generation, of which there are two. */
    private readonly sizeMax: number,
  ) {}

  get isEmpty(): boolean {
    return this.young.size === 0 && this.old.size === 0;
  }

  add(key: string, value: Value): void {
    if (this.size === this.sizeMax) {
      for (const values of this.old.values()) this.forgotten += values.length;
      this.turn();
    }
    const values = this.young.get(key);
    if (values) values.push(value);
    else this.young.set(key, [value]);
    this.size += 1;
  }

  find(key: string): Value[] {
    return [...(this.old.get(key) ?? []), ...(this.young.get(key) ?? [])];
  }

  /** Time goes on. */
  passed(nowNs: number): void {
    this.sinceNs ??= nowNs;
    if (nowNs - this.sinceNs < this.keptNs) return;
    this.sinceNs = nowNs;
    this.turn();
  }

  private turn(): void {
    this.old = this.young;
    this.young = new Map();
    this.size = 0;
  }
}
