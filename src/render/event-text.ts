/** One event as a line: where it was seen, then the packet as `tcpdump -nn` would put it. */
import { type SummaryOptions, summarize } from '../dissect/summary.js';
import type { HookPosition } from '../netfilter/types.js';
import { positionText } from '../netfilter/words.js';
import type { Names, TapEvent } from '../trace/event.js';
import { notesOf } from '../trace/notes.js';
import { verdictText } from '../trace/verdicts.js';
import { deliveryText, holdersText, isFullSocket } from './delivery-text.js';
import { packetBytes, summaryOptions, type TextOptions } from './packet-text.js';
import { printable } from './printable.js';
import { TimeColumn } from './time-column.js';

/** Colours by role; identity functions where colour is off. */
export interface Palette {
  readonly rxTap: (text: string) => string;
  readonly txTap: (text: string) => string;
  readonly drop: (text: string) => string;
  readonly dim: (text: string) => string;
}

export class EventText {
  private readonly summaries: Map<string, SummaryOptions>[] = [];
  private readonly columns: string[] = [];
  private readonly hooks = new WeakMap<HookPosition, string>();
  /** What the last remarks were made of: they repeat from packet to packet. */
  private lastNotes: readonly string[] | undefined;
  private lastRemarks = '';
  private readonly time: TimeColumn;

  constructor(
    private readonly names: Names,
    private readonly options: TextOptions,
    private readonly palette: Palette,
    /** Columns of the stage and the function, so that packets line up. */
    private readonly widths: { stage: number; function: number; device: number },
  ) {
    this.time = new TimeColumn(options.timeFormat);
  }

  /**
   * TCP sequence numbers are counted as a tcpdump on that device would: both taps of a device together, but
   * not on loopback, where each packet passes both. Other stages count for themselves.
   */
  private optionsAt({ attachment, stage }: TapEvent, device: string): SummaryOptions {
    const isShared = stage.group === 'taps' && device !== 'lo' && !device.startsWith('lo@');
    const group = isShared ? 0 : attachment.attachId + 1;
    let ofGroup = this.summaries[group];
    if (!ofGroup) {
      ofGroup = new Map();
      this.summaries[group] = ofGroup;
    }
    let chosen = ofGroup.get(device);
    if (!chosen) {
      chosen = summaryOptions(this.options);
      ofGroup.set(device, chosen);
    }
    return chosen;
  }

  /** The line, and the bytes below it where asked, with newlines. */
  render(event: TapEvent): string {
    const { stage, record } = event;
    let line = this.time.text(this.names.clock.read(record.timeHigh, record.timeLow));
    line += this.placeColumns(event);
    const device = this.device(event);
    line += `${device.padEnd(this.widths.device)} `;
    line += this.packetText(event, device);
    line += this.remarks(event);
    if (event.hook) line += this.hookText(event.hook);
    if (stage.id === 'drop') line += this.dropText(event);
    line += this.outcomeText(event);
    return `${line}\n${this.stackText(event)}${packetBytes(event.packet, this.options)}`;
  }

  /** The packet; where only its address is still known, what became of it. */
  private packetText(event: TapEvent, device: string): string {
    const { record, packet } = event;
    const verdict = verdictText(event);
    if (record.isKeyOnly) return verdict ? `${packet.len} bytes: ${verdict}` : `${packet.len} bytes`;
    const summary = summarize(packet, this.optionsAt(event, device));
    return verdict ? `${summary} ${verdict}` : summary;
  }

  /** Stage and function: the same for every event of an attachment. */
  private placeColumns(event: TapEvent): string {
    const { attachId, function: name } = event.attachment;
    let text = this.columns[attachId];
    if (text === undefined) {
      text = `${this.stageColumn(event)} ${this.palette.dim(name.padEnd(this.widths.function))} `;
      this.columns[attachId] = text;
    }
    return text;
  }

  private stageColumn({ stage }: TapEvent): string {
    const text = stage.id.padEnd(this.widths.stage);
    if (stage.id === 'rx-tap') return this.palette.rxTap(text);
    if (stage.id === 'tx-tap') return this.palette.txTap(text);
    return stage.id === 'drop' ? this.palette.drop(text) : text;
  }

  private device({ record }: TapEvent): string {
    if (!record.has('ifindex')) return '-';
    return this.names.deviceLabel(record.netnsInum, record.ifindex);
  }

  private remarks(event: TapEvent): string {
    const notes = notesOf(event);
    if (notes.length === 0) return '';
    if (notes !== this.lastNotes) {
      this.lastNotes = notes;
      this.lastRemarks = ` ${this.palette.dim(`[${notes.join('; ')}]`)}`;
    }
    return this.lastRemarks;
  }

  private hookText(hook: HookPosition): string {
    let text = this.hooks.get(hook);
    if (text === undefined) {
      text = ` ${this.palette.dim(`[${printable(positionText(hook))}]`)}`;
      this.hooks.set(hook, text);
    }
    return text;
  }

  private dropText(event: TapEvent): string {
    const { record } = event;
    const reason = record.has('reason') ? ` ${this.names.dropReason(record.reason)}` : '';
    const death = this.names.death(record);
    const inside = death?.stage === undefined ? '' : `, function ${death.function}`;
    const whose = isFullSocket(event, this.names) ? ` (${holdersText(event, this.names)})` : '';
    return this.palette.drop(` dropped:${reason}${death ? ` ${death.text}${whose}${inside}` : ''}`);
  }

  private outcomeText(event: TapEvent): string {
    return event.stage.id === 'delivery' ? ` ${deliveryText(event, this.names)}` : '';
  }

  private stackText({ record }: TapEvent): string {
    if (!record.has('stack') || !this.names.showsStacks) return '';
    return this.names
      .stack(record.stackId)
      .map((frame) => `\t${frame}\n`)
      .join('');
  }
}
