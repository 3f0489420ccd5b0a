/** One event as a line: where it was seen, then the packet as `tcpdump -nn` would put it. */
import { dissect } from '../dissect/packet.js';
import { SequenceTracker } from '../dissect/sequences.js';
import { summarize } from '../dissect/summary.js';
import type { Names, TapEvent } from '../trace/event.js';
import { notesOf } from '../trace/notes.js';
import { asciiDump, hexDump } from './hex.js';
import { printable, printableLines } from './printable.js';
import { localDate, timeOfDay } from './time.js';

/** tcpdump's options of the same letters; counts for repeatable ones. */
export interface TextOptions {
  readonly linkHeader: boolean;
  readonly hex: number;
  readonly hexAscii: number;
  readonly ascii: number;
  /** 0: time of day, 1 none, 2 seconds since the epoch, 3 since the last event, 4 with date, 5 since the first. */
  readonly timeFormat: number;
  readonly absoluteSequence: boolean;
  readonly quick: boolean;
  readonly verbose: number;
}

/** Colours by role; identity functions where colour is off. */
export interface Palette {
  readonly rxTap: (text: string) => string;
  readonly txTap: (text: string) => string;
  readonly drop: (text: string) => string;
  readonly dim: (text: string) => string;
}

export class EventText {
  private readonly sequences = new SequenceTracker();
  private firstNs: bigint | undefined;
  private lastNs: bigint | undefined;

  constructor(
    private readonly names: Names,
    private readonly options: TextOptions,
    private readonly palette: Palette,
    /** Columns of the stage and the function, so that packets line up. */
    private readonly widths: { stage: number; function: number; device: number },
  ) {}

  /** The line, and the bytes below it where asked, with newlines. */
  render(event: TapEvent): string {
    const { record, packet, stage } = event;
    const { options, names } = this;
    let line = this.time(record.timeNs + names.wallOffsetNs);
    line += `${this.stageColumn(event)} ${this.palette.dim(event.attachment.function.padEnd(this.widths.function))} `;
    line += `${this.device(event).padEnd(this.widths.device)} `;
    line += printableLines(
      summarize(packet, {
        linkHeader: options.linkHeader,
        absoluteSequence: options.absoluteSequence,
        quick: options.quick,
        verbose: Math.min(options.verbose, 3) as 0 | 1 | 2 | 3,
        sequences: this.sequences,
      }),
    );
    line += this.remarks(event);
    if (stage.id === 'drop') line += this.dropText(event);
    return `${line}\n${this.stackText(event)}${this.bytesText(event)}`;
  }

  private stageColumn({ stage }: TapEvent): string {
    const text = stage.id.padEnd(this.widths.stage);
    if (stage.id === 'rx-tap') return this.palette.rxTap(text);
    if (stage.id === 'tx-tap') return this.palette.txTap(text);
    return stage.id === 'drop' ? this.palette.drop(text) : text;
  }

  private device({ record }: TapEvent): string {
    if (!record.has('ifindex')) return '-';
    return printable(this.names.device(record.netnsInum, record.ifindex) ?? `if${record.ifindex}`);
  }

  private remarks(event: TapEvent): string {
    const notes = notesOf(event);
    return notes.length ? ` ${this.palette.dim(`[${notes.join('; ')}]`)}` : '';
  }

  private dropText({ record }: TapEvent): string {
    const reason = record.has('reason') ? ` ${this.names.dropReason(record.reason)}` : '';
    const where = record.has('location') ? ` in ${this.names.symbol(record.location)}` : '';
    return this.palette.drop(` dropped:${reason}${where}`);
  }

  private time(wallNs: bigint): string {
    this.firstNs ??= wallNs;
    const previous = this.lastNs ?? wallNs;
    this.lastNs = wallNs;
    switch (this.options.timeFormat) {
      case 0:
        return `${timeOfDay(wallNs)} `;
      case 2:
        return `${wallNs / 1_000_000_000n}.${String(Number(wallNs % 1_000_000_000n) / 1000 + 1_000_000).slice(1, 7)} `;
      case 3:
        return `${elapsed(wallNs - previous)} `;
      case 4:
        return `${localDate(wallNs)} ${timeOfDay(wallNs)} `;
      case 5:
        return `${elapsed(wallNs - this.firstNs)} `;
      default:
        return '';
    }
  }

  private stackText({ record }: TapEvent): string {
    if (!record.has('stack')) return '';
    return this.names
      .stack(record.stackId)
      .map((frame) => `\t${frame}\n`)
      .join('');
  }

  private bytesText({ packet }: TapEvent): string {
    const { hex, hexAscii, ascii } = this.options;
    if (!hex && !hexAscii && !ascii) return '';
    const withLink = hex > 1 || hexAscii > 1 || ascii > 1;
    const skip = withLink ? 0 : Math.min(dissect(packet).networkOffset ?? 0, packet.capLen);
    const start = packet.offset + skip;
    const length = packet.capLen - skip;
    if (ascii) return asciiDump(packet.bytes, start, length);
    return hexDump(packet.bytes, start, length, hexAscii > 0);
  }
}

function elapsed(ns: bigint): string {
  const sign = ns < 0n ? '-' : ' ';
  const micros = (ns < 0n ? -ns : ns) / 1000n;
  const seconds = Number(micros / 1_000_000n);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${sign}${clock}.${String(Number(micros % 1_000_000n)).padStart(6, '0')}`;
}
