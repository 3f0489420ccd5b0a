/** Time stamps of a pcapng interface, in whatever unit it counts, as seconds and nanoseconds since the epoch. */

const nsInSecond = 1_000_000_000n;
const microseconds = 6;
/** if_tsresol: a power of two instead of ten. */
const isBinary = 0x80;
/** What 64 bits of nanoseconds can count to. */
const secondsMax = 18_446_744_072;

export class Resolution {
  private readonly ticksPerSecond: bigint;

  constructor(
    /** if_tsresol. */
    exponent = microseconds,
    /** if_tsoffset, in seconds. */
    private readonly offsetSeconds = 0n,
  ) {
    const power = BigInt(exponent & ~isBinary);
    this.ticksPerSecond = exponent & isBinary ? 2n ** power : 10n ** power;
  }

  /** Undefined before 1970 and after 2554: no capture is from then. */
  time(ticks: bigint): { seconds: number; nanos: number } | undefined {
    const { ticksPerSecond } = this;
    const seconds = Number(ticks / ticksPerSecond + this.offsetSeconds);
    if (seconds < 0 || seconds > secondsMax) return undefined;
    return { seconds, nanos: Number(((ticks % ticksPerSecond) * nsInSecond) / ticksPerSecond) };
  }
}
