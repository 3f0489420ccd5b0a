/** Where a capture file's packets go: text for people, NDJSON for programs, another pcapng file. */
import type { CaptureFormat, CaptureInterface } from '../capture/capture.js';
import type { CaptureSink, CaptureSummary, ShownPacket } from '../capture/capture-reading.js';
import type { Place } from '../capture/place.js';
import { OutputFile } from '../record/output-file.js';
import { CaptureJson, captureJson, captureSummaryJson, interfaceJson } from '../render/capture-json.js';
import { CapturePcapng } from '../render/capture-pcapng.js';
import { CaptureText } from '../render/capture-text.js';
import type { TextOptions } from '../render/packet-text.js';
import { BlockWriter } from './block-writer.js';
import type { Output } from './output.js';
import { LineSink } from './sinks.js';

/** A sink, and what it says after the last packet. */
export interface CaptureView extends CaptureSink {
  summary(summary: CaptureSummary): void;
}

export class CaptureTextSink extends LineSink implements CaptureView {
  private readonly text: CaptureText;

  constructor(output: Output, options: TextOptions, lineBuffered: boolean) {
    super(output, lineBuffered);
    this.text = new CaptureText(options);
  }

  begin(): void {}

  interface(_at: CaptureInterface, place: Place): void {
    this.text.interface(place);
  }

  packet(packet: ShownPacket): void {
    this.out.text(this.text.render(packet));
    this.lineWritten();
  }

  summary(): void {}
}

export class CaptureJsonSink extends LineSink implements CaptureView {
  private readonly json = new CaptureJson(this.out);

  constructor(
    output: Output,
    private readonly version: string,
    private readonly filter: string | undefined,
    lineBuffered: boolean,
  ) {
    super(output, lineBuffered);
  }

  begin(format: CaptureFormat): void {
    this.line(captureJson(format, this.version, this.filter));
  }

  interface(at: CaptureInterface, place: Place): void {
    this.json.interface(at, place);
    this.line(interfaceJson(at, place));
  }

  packet(packet: ShownPacket): void {
    this.json.object(packet);
    this.out.ascii('\n');
    this.lineWritten();
  }

  summary(summary: CaptureSummary): void {
    this.line(captureSummaryJson(summary));
    this.flush();
  }

  private line(value: object): void {
    this.out.text(`${JSON.stringify(value)}\n`);
  }
}

export class CapturePcapngSink implements CaptureView {
  private readonly blocks = new CapturePcapng();
  private readonly writer: BlockWriter;
  readonly isCongested = false;

  constructor(
    private readonly path: string,
    private readonly output: Output,
    private readonly version: string,
    closed: () => void,
  ) {
    this.writer = new BlockWriter(new OutputFile(path), closed);
    if (path === '-') output.mute();
  }

  begin(): void {
    this.writer.add([this.blocks.begin(this.version)]);
  }

  interface(at: CaptureInterface): void {
    this.writer.add([this.blocks.interface(at)]);
  }

  packet(packet: ShownPacket): void {
    this.writer.add([this.blocks.packet(packet)], 1);
  }

  flush(): void {
    this.writer.flush();
  }

  notice(text: string): void {
    this.output.talk(text);
  }

  summary(summary: CaptureSummary): void {
    this.writer.add(this.blocks.end(summary));
    this.writer.close();
    this.output.talk(`${this.writer.written} packets are in ${this.path === '-' ? 'the file' : this.path}`);
  }
}
