/** Times in logarithmic buckets: any number of them in bounded memory, quantiles to 1 %. */

/** Buckets an octave. The middle of a bucket is at most 1/128 of the value away from what is in it. */
const perOctave = 64;
const exactOctave = Math.log2(perOctave);

export class Histogram {
  /** Counts by octave; whole nanoseconds below 64 are in the first one, exactly. */
  private readonly octaves: (Float64Array | undefined)[] = [];
  count = 0;

  /** Adds a time; what is negative counts as 0. */
  add(ns: number): void {
    const time = Math.max(0, Math.round(ns));
    const octave = time < perOctave ? 0 : octaveOf(time);
    const buckets = this.octaves[octave] ?? new Float64Array(perOctave);
    this.octaves[octave] = buckets;
    const bucket = octave === 0 ? time : Math.floor(time / widthOf(octave)) - perOctave;
    buckets[bucket]! += 1;
    this.count += 1;
  }

  /** The smallest time that `share` (0 to 1) of the times do not exceed; undefined without times. */
  quantile(share: number): number | undefined {
    let left = Math.max(1, Math.ceil(share * this.count));
    for (const [octave, buckets] of this.octaves.entries())
      for (const [bucket, count] of buckets?.entries() ?? []) {
        left -= count;
        if (left <= 0 && count > 0) return octave === 0 ? bucket : middleOf(octave, bucket);
      }
    return undefined;
  }
}

/** From 1 on: that of 64 to 127. */
function octaveOf(time: number): number {
  const log = time < 2 ** 31 ? 31 - Math.clz32(time) : Math.floor(Math.log2(time));
  return log - exactOctave + 1;
}

const widthOf = (octave: number): number => 2 ** (octave - 1);

function middleOf(octave: number, bucket: number): number {
  return Math.round((perOctave + bucket + 0.5) * widthOf(octave));
}
