/** The events of a run as JSON objects, with the numbers of their packets where the ends of packets are watched. */
import { numbersPackets } from '../journey/numbering.js';
import { Tracker } from '../journey/tracker.js';
import type { TapEvent } from '../trace/event.js';
import type { TraceHeader } from '../trace/trace.js';
import type { ByteWriter } from './byte-writer.js';
import { EventJson } from './event-json.js';

export class EventLines {
  private readonly json: EventJson;
  private readonly tracker: Tracker | undefined;

  constructor(
    { names, plan }: Pick<TraceHeader, 'names' | 'plan'>,
    private readonly out: ByteWriter,
  ) {
    this.json = new EventJson(names, out);
    if (numbersPackets(plan))
      this.tracker = new Tracker({ isWanted: () => false, onClosed: () => undefined, keepSteps: false });
  }

  /** Undefined where they are not told apart. */
  get packets(): number | undefined {
    return this.tracker?.counts.packets;
  }

  /** Writes the event, and what stands behind it. */
  write(event: TapEvent, separator: string): void {
    const packet = this.tracker?.take(event);
    this.json.object(event, packet ? { packet } : undefined);
    this.out.ascii(separator);
  }
}
