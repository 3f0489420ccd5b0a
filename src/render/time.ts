/** Times of day as tcpdump prints them, local time zone, and RFC 3339 for JSON. */

const nsInSecond = 1_000_000_000;
const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

/** The six digits of microseconds in a second. */
const micros = (nanos: number): string => String(Math.floor(nanos / 1000) + 1_000_000).slice(1);

/**
 * Wall-clock times of records, without BigInt: whole seconds and nanoseconds as Numbers, counted from a
 * base that is split once.
 */
export class WallClock {
  /** What `read` or `set` was called for last. */
  seconds = 0;
  nanos = 0;
  private readonly baseHigh: number;
  private readonly baseLow: number;
  private readonly baseSeconds: number;
  private readonly baseNanos: number;
  private cachedSecond = -1;
  private cachedClock = '';
  private cachedIsoSecond = -1;
  private cachedIso = '';

  /**
   * `wallOffsetNs` is what to add to CLOCK_BOOTTIME; `baseNs` any CLOCK_BOOTTIME near the records': a trace's is when
   * it began to record.
   */
  constructor(wallOffsetNs = 0n, baseNs = 0n) {
    this.baseHigh = Number(baseNs >> 32n);
    this.baseLow = Number(baseNs & 0xffffffffn);
    const wallNs = baseNs + wallOffsetNs;
    this.baseSeconds = Number(wallNs / BigInt(nsInSecond));
    this.baseNanos = Number(wallNs % BigInt(nsInSecond));
  }

  sinceBaseNs(timeHigh: number, timeLow: number): number {
    return (timeHigh - this.baseHigh) * 0x1_0000_0000 + (timeLow - this.baseLow);
  }

  /** Sets `seconds` and `nanos` from a CLOCK_BOOTTIME in two words. */
  read(timeHigh: number, timeLow: number): this {
    const relative = this.sinceBaseNs(timeHigh, timeLow) + this.baseNanos;
    const seconds = Math.floor(relative / nsInSecond);
    this.seconds = this.baseSeconds + seconds;
    this.nanos = relative - seconds * nsInSecond;
    return this;
  }

  /** Sets them as they are, counted from the epoch. */
  set({ seconds, nanos }: { readonly seconds: number; readonly nanos: number }): this {
    this.seconds = seconds;
    this.nanos = nanos;
    return this;
  }

  /** `HH:MM:SS.micros` in local time. */
  timeOfDay(): string {
    if (this.seconds !== this.cachedSecond) {
      const date = new Date(this.seconds * 1000);
      this.cachedSecond = this.seconds;
      this.cachedClock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.`;
    }
    return this.cachedClock + micros(this.nanos);
  }

  /** `YYYY-MM-DD` in local time. */
  localDate(): string {
    const date = new Date(this.seconds * 1000);
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  }

  /** `SECONDS.micros` since the epoch. */
  epoch(): string {
    return `${this.seconds}.${micros(this.nanos)}`;
  }

  /** RFC 3339 in UTC up to the point behind the seconds. */
  isoSecond(): string {
    if (this.seconds !== this.cachedIsoSecond) {
      this.cachedIsoSecond = this.seconds;
      this.cachedIso = new Date(this.seconds * 1000).toISOString().slice(0, 20);
    }
    return this.cachedIso;
  }
}

/** A span as tcpdump's -ttt prints it: `[-]HH:MM:SS.micros`, a space for no sign. */
export function elapsed(seconds: number, nanos: number): string {
  const total = seconds * nsInSecond + nanos;
  const whole = Math.floor(Math.abs(total) / nsInSecond);
  const clock = `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return `${total < 0 ? '-' : ' '}${clock}.${micros(Math.abs(total) % nsInSecond)}`;
}
