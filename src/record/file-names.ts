/** Names of the files of a recording that is split, as tcpdump's -C, -G and -W make them (tcpdump.c, MakeFilename). */
export interface Rotation {
  /** -C: a file that is larger is not written to any more. */
  readonly bytes?: number | undefined;
  /** -G: a file is not written to longer. */
  readonly seconds?: number | undefined;
  /** -W: with -C begin again after so many files, with -G end. */
  readonly files?: number | undefined;
}

const padded = (value: number, digits: number): string => String(value).padStart(digits, '0');

/** strftime(3) for what stands in names of files, in local time; anything else stays as it is. */
function formatTime(pattern: string, time: Date): string {
  const dayOfYear = (date: Date): number =>
    Math.round((new Date(date).setHours(0, 0, 0, 0) - new Date(date.getFullYear(), 0, 1).getTime()) / 864e5) +
    1;
  const values: Readonly<Record<string, () => string>> = {
    Y: () => padded(time.getFullYear(), 4),
    y: () => padded(time.getFullYear() % 100, 2),
    m: () => padded(time.getMonth() + 1, 2),
    d: () => padded(time.getDate(), 2),
    H: () => padded(time.getHours(), 2),
    M: () => padded(time.getMinutes(), 2),
    S: () => padded(time.getSeconds(), 2),
    j: () => padded(dayOfYear(time), 3),
    s: () => String(Math.floor(time.getTime() / 1000)),
    F: () => formatTime('%Y-%m-%d', time),
    T: () => formatTime('%H:%M:%S', time),
    '%': () => '%',
  };
  return pattern.replace(/%(.)/g, (all, letter: string) => values[letter]?.() ?? all);
}

export class FileNames {
  /** Of files of one name, by size. */
  private count = 0;
  private turns = 0;
  private openedAt: Date;
  private readonly digits: number;

  constructor(
    private readonly path: string,
    private readonly rotation: Rotation,
    now: Date,
  ) {
    const { bytes, files } = rotation;
    this.openedAt = now;
    this.digits = bytes !== undefined && files !== undefined ? String(files - 1).length : 0;
  }

  /** Of the file to be written to now. */
  get current(): string {
    const name = this.rotation.seconds === undefined ? this.path : formatTime(this.path, this.openedAt);
    return this.count === 0 && this.digits === 0 ? name : `${name}${padded(this.count, this.digits)}`;
  }

  /** Whether the file, of this size by now, is to be left for the next one; `end`: for none. */
  turn(bytes: number, now: Date): 'stay' | 'next' | 'end' {
    const { rotation } = this;
    if (
      rotation.seconds !== undefined &&
      now.getTime() - this.openedAt.getTime() >= rotation.seconds * 1000
    ) {
      this.openedAt = now;
      this.count = 0;
      this.turns += 1;
      const isLast =
        rotation.bytes === undefined && this.turns >= (rotation.files ?? Number.POSITIVE_INFINITY);
      return isLast ? 'end' : 'next';
    }
    if (rotation.bytes === undefined || bytes <= rotation.bytes) return 'stay';
    this.count += 1;
    if (rotation.files !== undefined && this.count >= rotation.files) this.count = 0;
    return 'next';
  }
}
