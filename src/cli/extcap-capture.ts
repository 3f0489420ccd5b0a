/**
 * A capture for Wireshark: events as pcapng into its pipe, and nothing on stderr but what went wrong, for it shows that.
 * Where its toolbar changes what is asked for, another trace goes on in the same file.
 */
import { openSync } from 'node:fs';
import { type ExitCode, exitCode, UsageError } from '../errors.js';
import type { CaptureSettings, Setting } from '../extcap/controls.js';
import { Toolbar } from '../extcap/toolbar.js';
import { version } from '../library/version.js';
import { nativeBinding } from '../native/binding.js';
import { OutputFile } from '../record/output-file.js';
import { readKallsymsAsync } from '../system/symbols.js';
import { Trace } from '../trace/trace.js';
import { exitCodeOf, filterExpression, stopOnSignals } from './live.js';
import { Output } from './output.js';
import { parse } from './parse.js';
import { PcapngSink } from './pcapng-sink.js';
import { eventOptions } from './trace-options.js';

const parentLookMs = 500;
/** Wireshark sends the toolbar's settings at once. */
const toolbarWaitMs = 1000;

export interface WiresharkRequest {
  /** The pipe that Wireshark reads. */
  readonly fifo: string;
  /** Pipes of its toolbar; absent: there is none. */
  readonly control?: { readonly in: string; readonly out: string } | undefined;
  readonly settings: CaptureSettings;
  /** Options of `trace` that stay as they are. */
  readonly fixed: readonly string[];
  /** Tells on stderr what a trace would tell. */
  readonly talks: boolean;
}

/** Runs until Wireshark stops it or is gone. Returns the exit code. Throws TaptraceError. */
export async function captureForWireshark(request: WiresharkRequest): Promise<ExitCode> {
  // Wireshark waits for a writer, whatever comes of it; its end, with this process, comes after what was said on stderr.
  openForGood(request.fifo);
  const { control } = request;
  const toolbar = control && new Toolbar(control.in, control.out);
  const capture = new WiresharkCapture(request, toolbar);
  const forget = [stopOnSignals(capture), whenOrphaned(() => capture.stop())];
  try {
    return await capture.run();
  } finally {
    for (const one of forget) one();
    toolbar?.close();
  }
}

function openForGood(fifo: string): void {
  try {
    openSync(fifo, 'w');
  } catch (error) {
    throw new UsageError(`cannot write to Wireshark: ${(error as Error).message}`);
  }
}

/** A Wireshark that was killed says nothing, and its pipe is only missed when there is something to write. */
function whenOrphaned(gone: () => void): () => void {
  const parent = process.ppid;
  const timer = setInterval(() => process.ppid !== parent && gone(), parentLookMs);
  return () => clearInterval(timer);
}

class WiresharkCapture {
  private settings: CaptureSettings;
  private trace: Trace | undefined;
  /** Takes the place of the one that runs. */
  private next: Trace | undefined;
  private isOver = false;
  private sink!: PcapngSink;

  constructor(
    private readonly request: WiresharkRequest,
    private readonly toolbar: Toolbar | undefined,
  ) {
    this.settings = request.settings;
  }

  async run(): Promise<ExitCode> {
    const { toolbar } = this;
    this.sink = this.openSink();
    this.trace = await this.prepared(this.settings);
    if (toolbar) {
      // One after the other: each is checked with those before it in force.
      let changes = Promise.resolve();
      await toolbar.listen((setting, text) => {
        changes = changes.then(() => this.change(setting, text.trim()));
      }, toolbarWaitMs);
      await changes;
      toolbar.show(this.settings);
    }
    return this.runAll();
  }

  stop(): void {
    this.isOver = true;
    this.trace?.stop('asked');
  }

  private openSink(): PcapngSink {
    const { fifo, talks } = this.request;
    const output = new Output();
    if (!talks) output.hush();
    const talk = (line: string): void => {
      output.talk(line);
      this.toolbar?.log(line);
    };
    return new PcapngSink(new OutputFile(fifo), { talk }, version(), () => this.stop());
  }

  /** One trace after the other, until no other one is to follow. */
  private async runAll(): Promise<ExitCode> {
    for (;;) {
      this.trace = this.next ?? this.trace!;
      this.next = undefined;
      if (this.isOver) return this.ended(exitCode.done);
      const summary = await this.trace.run();
      this.sink.endRun(summary);
      if (this.isOver || !this.next) return this.ended(exitCodeOf(summary, false) as ExitCode);
    }
  }

  private ended(code: ExitCode): ExitCode {
    this.sink.close();
    return code;
  }

  /** A trace that has begun nothing yet. Throws UsageError. */
  private async prepared({ stages, snaplen, filter }: CaptureSettings): Promise<Trace> {
    const words = [...this.request.fixed, `--stages=${stages.replaceAll(' ', '')}`, `--snaplen=${snaplen}`];
    const parsed = await parse('trace', [...words, ...(filter ? ['--', filter] : [])]);
    if (parsed.done) throw new UsageError('nothing is asked for');
    const { options } = eventOptions(parsed.args, filterExpression(parsed.args));
    const native = nativeBinding();
    // Another trace has to attach as well.
    const checked = { ...options, dropCapabilities: this.toolbar === undefined };
    return new Trace(native, checked, this.sink, readKallsymsAsync(native));
  }

  /** What cannot be is told, and the toolbar shows again what is. */
  private async change(setting: Setting, asked: string): Promise<void> {
    const { toolbar, settings, request } = this;
    const text = asked || (setting === 'filter' ? '' : request.settings[setting]);
    if (this.isOver || settings[setting] === text) return;
    try {
      const changed = { ...settings, [setting]: text };
      this.next = await this.prepared(changed);
      this.settings = changed;
      toolbar!.status(`taptrace: from now on ${setting} ${text || 'none'}`);
      this.trace?.stop('asked');
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      toolbar!.error(`taptrace: ${message}`);
      toolbar!.log(message);
      toolbar!.set(setting, settings[setting]);
    }
  }
}
