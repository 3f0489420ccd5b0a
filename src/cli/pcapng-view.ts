/** -w x.pcapng, alone or beside what is shown. */
import { OutputFile } from '../record/output-file.js';
import { summaryLines } from '../render/trace-text.js';
import type { TraceSink } from '../trace/trace.js';
import type { View } from './live.js';
import type { Output } from './output.js';
import { PcapngSink } from './pcapng-sink.js';
import type { WriteTarget } from './recording-options.js';

/** Opens the file. Throws UsageError. */
export function pcapngView(
  { path, print }: WriteTarget,
  output: Output,
  version: string,
  closed: () => void,
): View {
  const sink = new PcapngSink(new OutputFile(path), output, version, closed, print);
  if (path === '-') output.mute();
  return {
    sink,
    summary: (summary) => {
      sink.endRun(summary);
      sink.close();
      if (!print) for (const line of summaryLines(summary)) output.talk(line);
      output.talk(`${sink.written} events are in ${path === '-' ? 'the file' : path}`);
    },
  };
}

/** Both get everything; what is said on stderr is said by the first one alone. */
export function bothViews({ sink: shown, summary: tell }: View, { sink: file, summary: close }: View): View {
  const sink: TraceSink = {
    header: (header) => {
      shown.header(header);
      file.header(header);
    },
    event: (event) => {
      shown.event(event);
      file.event(event);
    },
    flush: () => {
      shown.flush();
      file.flush();
    },
    get isCongested() {
      return shown.isCongested;
    },
    passed: (bootNs) => shown.passed?.(bootNs),
    end: () => shown.end?.(),
    notice: (text) => shown.notice(text),
    gap: (gap) => shown.gap?.(gap),
    refused: (refused) => shown.refused?.(refused),
  };
  return {
    sink,
    summary: (summary) => {
      tell(summary);
      close(summary);
    },
  };
}
