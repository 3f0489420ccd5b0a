/** Capture files as values. Nothing here needs the addon, but for a filter. */
import type { CaptureFormat, CaptureInterface } from '../capture/capture.js';
import { CaptureReading, type CaptureSink, isCapture, type ShownPacket } from '../capture/capture-reading.js';
import type { Place } from '../capture/place.js';
import { captureQuestions } from '../cli/capture-options.js';
import { readOptions } from '../cli/read-options.js';
import { UsageError } from '../errors.js';
import type {
  CapturedPacketLine,
  CaptureInterfaceLine,
  CaptureLine,
  CaptureSummaryLine,
} from '../lines/capture.js';
import { InputFile } from '../record/input-file.js';
import { ByteWriter } from '../render/byte-writer.js';
import { CaptureJson, captureJson, captureSummaryJson, interfaceJson } from '../render/capture-json.js';
import { checkWhole } from './damage.js';
import type { Feed } from './feed.js';
import { asArguments, type CaptureOptions, captureNames } from './options.js';
import { type Driver, Run } from './run.js';
import { version } from './version.js';

type Item = CaptureInterfaceLine | CapturedPacketLine;

/** Packets parsed at once: a promise each would cost more than they do. */
const batchPackets = 256;

class CaptureValues implements CaptureSink {
  private readonly out = new ByteWriter();
  private readonly json = new CaptureJson(this.out);
  private waiting = 0;

  constructor(
    private readonly feed: Feed<Item>,
    private readonly begun: (header: CaptureLine) => void,
    readonly notice: (text: string) => void,
    private readonly filter: string | undefined,
  ) {}

  begin(format: CaptureFormat): void {
    this.begun(captureJson(format, version(), this.filter));
  }

  interface(at: CaptureInterface, place: Place): void {
    this.json.interface(at, place);
    this.out.text(JSON.stringify(interfaceJson(at, place)));
    this.written();
  }

  packet(packet: ShownPacket): void {
    this.json.object(packet);
    this.written();
  }

  private written(): void {
    this.out.ascii(',');
    this.waiting += 1;
    if (this.waiting >= batchPackets) this.flush();
  }

  flush(): void {
    const { out } = this;
    if (out.length === 0) return;
    const text = Buffer.from(out.bytes.subarray(0, -1)).toString('utf8');
    out.reset(true);
    this.waiting = 0;
    this.feed.push(JSON.parse(`[${text}]`) as Item[]);
  }

  get isCongested(): boolean {
    return this.feed.isCongested;
  }
}

class CaptureDriver implements Driver<Item, CaptureLine, CaptureSummaryLine> {
  private reading: CaptureReading | undefined;
  private isStopped = false;

  constructor(
    private readonly file: string,
    private readonly options: CaptureOptions,
  ) {}

  async run(feed: Feed<Item>, begun: (header: CaptureLine) => void): Promise<CaptureSummaryLine> {
    const { file, options } = this;
    const asked = readOptions({ ...asArguments(options, captureNames), view: 'trace' }, options.filter);
    const input = InputFile.open(file);
    try {
      if (!(await isCapture(input)))
        throw new UsageError(`${file} is neither a pcap nor a pcapng file`, undefined, 'recording');
      this.reading = await CaptureReading.open(input, captureQuestions(file, asked), asked.own.snaplen);
      if (this.isStopped) this.reading.stop('asked');
      const notice = options.onNotice ?? (() => undefined);
      const summary = await this.reading.run(new CaptureValues(feed, begun, notice, options.filter));
      checkWhole(file, summary.broken);
      return captureSummaryJson(summary);
    } finally {
      input.close();
    }
  }

  stop(): void {
    this.isStopped = true;
    this.reading?.stop('asked');
  }
}

/**
 * The packets of a pcap or pcapng file, each interface before the first packet of it; `-` is standard input. A file that ends
 * in the middle gives what is whole, then throws `recording-damaged`.
 */
export function readCapture(
  file: string,
  options: CaptureOptions = {},
): Run<CaptureInterfaceLine | CapturedPacketLine, CaptureLine, CaptureSummaryLine> {
  return new Run(new CaptureDriver(file, options), options.signal);
}
