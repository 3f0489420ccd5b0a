/** A packet of a capture file as a line: its time, where it was seen as far as the file tells, then as `tcpdump -nn` puts it. */
import type { ShownPacket } from '../capture/capture-reading.js';
import { type Place, remarksOf } from '../capture/place.js';
import { type SummaryOptions, summarize } from '../dissect/summary.js';
import { packetBytes, summaryOptions, type TextOptions } from './packet-text.js';
import { printable } from './printable.js';
import { WallClock } from './time.js';
import { TimeColumn } from './time-column.js';

/** Of packets without one; as wide as a time of day. */
const noTime = '--:--:--.------ ';

export class CaptureText {
  private readonly clock = new WallClock();
  private readonly time: TimeColumn;
  private readonly summaries = new Map<string, SummaryOptions>();
  /** Columns that any interface so far has something for, and how wide. */
  private readonly widths = { stage: 0, function: 0, device: 0 };

  constructor(private readonly options: TextOptions) {
    this.time = new TimeColumn(options.timeFormat);
  }

  interface(place: Place): void {
    const { widths } = this;
    for (const [column, text] of Object.entries(columnsOf(place)) as [keyof typeof widths, string][])
      widths[column] = Math.max(widths[column], text.length);
  }

  /** The line, and the bytes below it where asked, with newlines. */
  render(shown: ShownPacket): string {
    const { packet, place } = shown;
    const isBare = packet.capLen === 0 && packet.linkType === 'unknown';
    const summary = isBare ? `${packet.len} bytes` : summarize(packet, this.summaryOptions(place));
    const where = this.placeColumns(place, shown.ifindex);
    return `${this.timeText(shown)}${where}${summary}${remarks(shown)}\n${packetBytes(packet, this.options, 0)}`;
  }

  private timeText({ captured }: ShownPacket): string {
    if (captured.time) return this.time.text(this.clock.set(captured.time));
    return this.options.timeFormat === 1 ? '' : noTime;
  }

  private placeColumns(place: Place, ifindex: number | undefined): string {
    const { widths } = this;
    if (widths.device === 0 && widths.stage === 0 && ifindex === undefined) return '';
    const columns = columnsOf(place);
    if (columns.device === '' && ifindex) columns.device = `if${ifindex}`;
    let text = '';
    for (const column of ['stage', 'function', 'device'] as const)
      if (widths[column] > 0 || columns[column])
        text += `${(columns[column] || '-').padEnd(widths[column])} `;
    return text;
  }

  /** TCP sequence numbers count as in the view of a trace; packets of other programs' files all together, as in tcpdump. */
  private summaryOptions({ stage, device = '' }: Place): SummaryOptions {
    const isShared = !stage || (stage.group === 'taps' && device.split('@')[0] !== 'lo');
    const key = stage ? `${isShared ? '' : stage.id}@${device}` : '';
    const known = this.summaries.get(key);
    if (known) return known;
    const made = summaryOptions(this.options);
    this.summaries.set(key, made);
    return made;
  }
}

function columnsOf({ stage, function: name = '', device = '' }: Place) {
  return { stage: stage?.id ?? '', function: printable(name), device: printable(device) };
}

/** What was lost before it, and its comment. */
function remarks({ captured, place }: ShownPacket): string {
  const { dropCount = 0, comment } = captured;
  if (dropCount === 0 && comment === undefined) return '';
  const said = comment === undefined ? '' : printable(remarksOf(comment, place));
  const lost = dropCount > 0 ? `${dropCount} lost before it` : '';
  const all = [lost, said].filter((one) => one !== '').join('; ');
  return all === '' ? '' : ` [${all}]`;
}
