/** Times in logarithmic buckets: any number of them in bounded memory, quantiles to 1 %. */

/** Buckets an octave. The middle of a bucket is at most 1/128 of the value away from what is in it. */
const perOctave = 64;

export class Histogram {
  private readonly buckets = new Map<number, number>();
  count = 0;

  /** Adds a time; whole nanoseconds below 64 are kept exactly, what is negative counts as 0. */
  add(ns: number): void {
    const bucket = bucketOf(Math.max(0, ns));
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + 1);
    this.count += 1;
  }

  /** The smallest time that `share` (0 to 1) of the times do not exceed; undefined without times. */
  quantile(share: number): number | undefined {
    let left = Math.max(1, Math.ceil(share * this.count));
    for (const bucket of [...this.buckets.keys()].sort((a, b) => a - b)) {
      left -= this.buckets.get(bucket)!;
      if (left <= 0) return middleOf(bucket);
    }
    return undefined;
  }
}

function bucketOf(ns: number): number {
  if (ns < perOctave) return Math.round(ns);
  const octave = Math.floor(Math.log2(ns));
  const width = 2 ** octave / perOctave;
  return octave * perOctave + Math.floor((ns - 2 ** octave) / width);
}

function middleOf(bucket: number): number {
  if (bucket < perOctave) return bucket;
  const octave = Math.floor(bucket / perOctave);
  const width = 2 ** octave / perOctave;
  return Math.round(2 ** octave + (bucket % perOctave) * width + width / 2);
}
