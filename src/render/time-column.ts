/** The time in front of a line, in the form that tcpdump's -t options ask for. */
import { elapsed, type WallClock } from './time.js';

export class TimeColumn {
  private first: { seconds: number; nanos: number } | undefined;
  private last: { seconds: number; nanos: number } | undefined;

  /** 0: time of day, 1 none, 2 seconds since the epoch, 3 since the last line, 4 with date, 5 since the first. */
  constructor(private readonly format: number) {}

  /** The time that the clock stands at, with a blank behind it; empty where none is wanted. */
  text(clock: WallClock): string {
    const { seconds, nanos } = clock;
    this.first ??= { seconds, nanos };
    const previous = this.last ?? this.first;
    this.last = { seconds, nanos };
    switch (this.format) {
      case 0:
        return `${clock.timeOfDay()} `;
      case 2:
        return `${clock.epoch()} `;
      case 3:
        return `${elapsed(seconds - previous.seconds, nanos - previous.nanos)} `;
      case 4:
        return `${clock.localDate()} ${clock.timeOfDay()} `;
      case 5:
        return `${elapsed(seconds - this.first.seconds, nanos - this.first.nanos)} `;
      default:
        return '';
    }
  }
}
