/** A journey as a block of text. */
import type { Journey } from '../journey/journey.js';
import { StepReader } from '../journey/step.js';
import type { Names } from '../trace/event.js';
import { EventText, type Palette } from './event-text.js';

const options = {
  ...{ linkHeader: false, hex: 0, hexAscii: 0, ascii: 0, timeFormat: 1 },
  ...{ absoluteSequence: true, quick: false, verbose: 0 },
};

export class PathText {
  private readonly reader = new StepReader();
  private text!: EventText;

  constructor(private readonly palette: Palette) {}

  header({ names }: { names: Names }): void {
    this.text = new EventText(names, options, this.palette, { stage: 14, function: 26, device: 8 });
  }

  journey({ packet, steps, closed }: Journey): string {
    const lines = steps.map(
      (step) => `  +${(step.atNs - steps[0]!.atNs) / 1000} µs ${this.text.render(this.reader.open(step))}`,
    );
    return `packet ${packet} (${closed})\n${lines.join('')}\n`;
  }
}
