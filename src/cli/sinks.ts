/** Where a trace's header, events and summary go: text for people, NDJSON for programs. */
import { createColors } from 'picocolors';
import { type RungRefused, refusalBlock } from '../attach/refusal.js';
import { ByteWriter } from '../render/byte-writer.js';
import { EventLines } from '../render/event-lines.js';
import { EventText, type Palette } from '../render/event-text.js';
import type { TextOptions } from '../render/packet-text.js';
import { gapJson, headerJson } from '../render/trace-json.js';
import { headerLines } from '../render/trace-text.js';
import type { TapEvent } from '../trace/event.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import type { TraceHeader, TraceSink } from '../trace/trace.js';
import type { Output } from './output.js';

/** What is gathered before it is written, even in the middle of a round. */
const writeThresholdBytes = 1 << 17;

export function palette(colour: boolean): Palette {
  const colours = createColors(colour);
  return { rxTap: colours.green, txTap: colours.cyan, drop: colours.red, dim: colours.dim };
}

/** Characters. */
const linesMax = 1 << 14;

/** Lines for standard output, gathered before they are written. */
export abstract class LineSink {
  protected readonly out = new ByteWriter();

  constructor(
    protected readonly output: Output,
    private readonly lineBuffered: boolean,
  ) {}

  /** Call after each line. */
  protected lineWritten(): void {
    if (this.lineBuffered || this.out.length > writeThresholdBytes) this.flush();
  }

  flush(): void {
    if (this.out.length > 0) this.out.reset(this.output.data(this.out.bytes));
  }

  get isCongested(): boolean {
    return this.output.isCongested;
  }

  notice(text: string): void {
    this.output.talk(text);
  }
}

abstract class BufferedSink extends LineSink implements TraceSink {
  constructor(
    output: Output,
    lineBuffered: boolean,
    private readonly debug: boolean,
  ) {
    super(output, lineBuffered);
  }

  abstract header(header: TraceHeader): void;
  abstract event(event: TapEvent): void;

  gap({ text }: HookGap): void {
    this.output.talk(text);
  }

  refused(refused: RungRefused): void {
    if (this.debug) this.output.block(refusalBlock(refused));
  }
}

export class TextSink extends BufferedSink {
  private text!: EventText;
  /** They wait to become bytes: a call of the runtime for each of them takes a seventh of all the time. */
  private lines = '';

  constructor(
    output: Output,
    private readonly options: TextOptions,
    lineBuffered: boolean,
    debug: boolean,
  ) {
    super(output, lineBuffered, debug);
  }

  header(header: TraceHeader): void {
    for (const line of headerLines(header)) this.output.talk(line);
    const { attachments } = header.plan;
    const longest = (values: readonly string[]): number =>
      Math.max(1, ...values.map((value) => value.length));
    this.text = new EventText(header.names, this.options, palette(this.output.colour), {
      stage: longest(attachments.map(({ stage }) => stage)),
      function: longest(attachments.map((attachment) => attachment.function)),
      device: Math.min(
        24,
        longest(
          header.devices.selected.map(({ netns, link }) =>
            header.names.deviceLabel(netns.inum, link.ifindex),
          ),
        ),
      ),
    });
  }

  event(event: TapEvent): void {
    this.lines += this.text.render(event);
    if (this.lines.length > linesMax) this.settle();
    this.lineWritten();
  }

  override flush(): void {
    this.settle();
    super.flush();
  }

  private settle(): void {
    this.out.text(this.lines);
    this.lines = '';
  }
}

export class JsonSink extends BufferedSink {
  private lines: EventLines | undefined;

  constructor(
    output: Output,
    private readonly version: string,
    lineBuffered: boolean,
    debug: boolean,
  ) {
    super(output, lineBuffered, debug);
  }

  header(header: TraceHeader): void {
    this.lines = new EventLines(header, this.out);
    for (const line of headerLines(header)) this.output.talk(line);
    this.out.text(`${JSON.stringify(headerJson(header, this.version))}\n`);
    this.flush();
  }

  override gap(gap: HookGap): void {
    super.gap(gap);
    this.out.text(`${JSON.stringify(gapJson(gap))}\n`);
    this.flush();
  }

  /** Undefined where they are not told apart. */
  get packets(): number | undefined {
    return this.lines?.packets;
  }

  event(event: TapEvent): void {
    this.lines!.write(event, '\n');
    this.lineWritten();
  }
}
