/** A journey as one JSON line. */
import type { Journey } from '../journey/journey.js';
import { StepReader } from '../journey/step.js';
import type { Names } from '../trace/event.js';
import { ByteWriter } from './byte-writer.js';
import { EventJson } from './event-json.js';

export class PathJson {
  private readonly reader = new StepReader();
  private readonly out = new ByteWriter();
  private events!: EventJson;

  header({ names }: { names: Names }): void {
    this.events = new EventJson(names, this.out);
  }

  journey({ packet, steps, closed, parents, children }: Journey): string {
    this.out.reset(true);
    for (const step of steps) this.events.write(this.reader.open(step));
    const lines = Buffer.from(this.out.bytes).toString('utf8').trim().split('\n');
    const last = steps.at(-1);
    const end = { closed, ...(last?.stage.layer === 'end' && { stage: last.stage.id }) };
    const head = JSON.stringify({ type: 'journey', packet, parents, children, end }).slice(0, -1);
    return `${head},"events":[${lines.join(',')}],"changes":[]}\n`;
  }
}
