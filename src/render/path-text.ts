/** A journey as a block of text: the packet, then a line a stage with what changed, then what explains it. */
import { summarize } from '../dissect/summary.js';
import { type ChangeField, changesOf } from '../explain/changes.js';
import { isAside, type StepFacts } from '../explain/facts.js';
import { type Row, rowsOf } from '../explain/rows.js';
import { type ExplainContext, Scene } from '../explain/scene.js';
import { senderOf } from '../explain/sender.js';
import { truthsOf } from '../explain/truths.js';
import { sinceText } from '../explain/words.js';
import { inferredBetween, type Seen } from '../journey/inferred.js';
import type { Journey } from '../journey/journey.js';
import { type Step, StepReader } from '../journey/step.js';
import { ruleText } from '../netfilter/words.js';
import type { TapEvent } from '../trace/event.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import { notesOf } from '../trace/notes.js';
import type { TraceHeader } from '../trace/trace.js';
import type { Palette } from './event-text.js';
import { type ContextHeader, explainContext } from './path-context.js';
import { answerTexts, bracketTexts, branchText, changeTexts, endText, identityText } from './path-remarks.js';
import { closingText, relativesTexts, waitingText } from './path-words.js';
import { printable } from './printable.js';
import { wrapText } from './text-layout.js';
import { TimeColumn } from './time-column.js';

export interface PathTextOptions {
  /** Columns of the terminal; infinite where it is none. */
  readonly width: number;
  /** As -t counts (TimeColumn). */
  readonly timeFormat: number;
  readonly verbose: boolean;
  readonly stacks: boolean;
}

interface Widths {
  readonly stage: number;
  readonly function: number;
  readonly device: number;
}

const timeWidth = 13;
const indent = '  ';
/** Where lines go on that do not fit behind the place. */
const hanging = ' '.repeat(timeWidth + 2);
const narrowest = 40;
const absolute = { absoluteSequence: true } as const;

/** How the notes begin that tell what a change tells. */
const saidByChange: Readonly<Partial<Record<ChangeField, string>>> = {
  checksum: 'checksum',
  gso: 'GSO',
  vlan: 'VLAN',
};

const seen = ({ steps }: Row): Seen => {
  const { step, netns, ifindex } = steps.at(-1)!;
  return { stage: step.stage, netnsInum: netns, ifindex };
};

export class PathText {
  private readonly reader = new StepReader();
  private readonly time: TimeColumn;
  private context!: ExplainContext;
  private widths: Widths = { stage: 1, function: 1, device: 1 };

  constructor(
    private readonly palette: Palette,
    private readonly options: PathTextOptions,
  ) {
    this.time = new TimeColumn(options.timeFormat);
  }

  header(header: ContextHeader & Pick<TraceHeader, 'armed'>): void {
    const { names, plan, armed } = header;
    this.context = explainContext(header);
    const longest = (texts: readonly string[]): number => Math.max(1, ...texts.map(({ length }) => length));
    this.widths = {
      stage: longest(plan.attachments.map(({ stage }) => stage)),
      function: longest(plan.attachments.map((one) => one.function)),
      device: longest(
        armed.map(({ device: { netns, link } }) => names.deviceLabel(netns.inum, link.ifindex)),
      ),
    };
  }

  gap({ netnsInum }: HookGap): void {
    this.context.unreached.forget(netnsInum);
  }

  journey(journey: Journey): string {
    const scene = new Scene(journey, this.context, this.reader);
    const rows = rowsOf(scene, changesOf(journey, scene.steps, this.context.names, this.options.verbose));
    return [
      ...this.head(scene),
      ...rows.flatMap((row) => this.row(scene, row, rows)),
      ...this.closing(scene),
      ...truthsOf(scene).flatMap(({ text }) => this.paragraph(`* ${text}`)),
      '',
      '',
    ].join('\n');
  }

  readonly waiting = waitingText;

  /** Number, time and packet; who sent it and how it is related to others below. */
  private head(scene: Scene): string[] {
    const { journey } = scene;
    const event = this.reader.open(journey.steps[0]!);
    const { record } = event;
    const time = this.time.text(this.context.names.clock.read(record.timeHigh, record.timeLow));
    const sender = senderOf(scene);
    const about = [...(sender ? [`sent by ${sender.comm}[${sender.pid}]`] : []), ...relativesTexts(journey)];
    const behind = about.length > 0 ? this.paragraph(about.join('; ')) : [];
    return [`packet ${journey.packet}: ${time}${this.summary(event)}`, ...behind];
  }

  private summary({ packet, record }: TapEvent): string {
    return record.isKeyOnly ? `${packet.len} bytes` : summarize(packet, absolute);
  }

  private paragraph(text: string): string[] {
    const lines = this.wrap(text, this.options.width - indent.length * 2);
    return lines.map((line, index) => `${index === 0 ? indent : indent + indent}${line}`);
  }

  private wrap(text: string, width: number): string[] {
    return Number.isFinite(width) ? wrapText(text, Math.max(width, narrowest)) : [text];
  }

  private row(scene: Scene, row: Row, rows: readonly Row[]): string[] {
    const event = this.reader.open(row.steps[0]!.step);
    const place = this.place(scene, row, event);
    const remarks = this.remarks(scene, row, event);
    const stack = this.stack(event);
    const lines = this.besides(place, remarks);
    return [...this.inferred(row, rows), ...lines, ...this.rules(row), ...this.newSummary(row), ...stack];
  }

  private place(scene: Scene, row: Row, { stage, attachment }: TapEvent): string {
    const { palette, widths } = this;
    const facts = row.steps[0]!;
    const time = sinceText(facts.step.atNs - scene.steps[0]!.step.atNs).padStart(timeWidth);
    const id = `${this.branchMark(scene, facts)}${stage.id}`.padEnd(widths.stage);
    const name = palette.dim(attachment.function.padEnd(widths.function));
    return `${time}  ${this.coloured(scene, facts, id)}  ${name}  ${scene.device(facts).padEnd(widths.device)}`;
  }

  /** Which clone or copy it is, where there are several. */
  private branchMark({ journey: { branches } }: Scene, { step: { branch } }: StepFacts): string {
    if (branches[branch]!.from === undefined) return '';
    return branches.length > 2 ? `└${branch} ` : '└ ';
  }

  private coloured(scene: Scene, facts: StepFacts, text: string): string {
    const { id } = facts.step.stage;
    if (id === 'rx-tap') return this.palette.rxTap(text);
    if (id === 'tx-tap') return this.palette.txTap(text);
    return endText(scene, facts)?.isLoss ? this.palette.drop(text) : text;
  }

  private remarks(scene: Scene, row: Row, event: TapEvent): string[] {
    const { palette } = this;
    const facts = row.steps.at(-1)!;
    const { guess } = facts.step;
    const end = endText(scene, facts);
    const notes = this.notes(row).map((note) => palette.dim(`[${note}]`));
    const texts = [
      ...branchText(scene, row),
      ...bracketTexts(row),
      ...answerTexts(event, this.context.names),
      ...(end ? [end.isLoss ? palette.drop(end.text) : end.text] : []),
      ...changeTexts(row),
      ...notes,
      ...(guess ? [`guess: ${guess}`] : []),
    ];
    return this.options.verbose ? [...texts, identityText(facts)] : texts;
  }

  /** What is new about its state: what the row before said still holds, and what a change says is not said twice. */
  private notes(row: Row): readonly string[] {
    const { before, changes, steps } = row;
    if (steps[0]!.step.stage.layer === 'end') return [];
    const said = changes.flatMap(({ field }) => saidByChange[field] ?? []);
    const old = before ? this.notesAt(before).filter((note) => note !== 'would be tapped here') : [];
    return this.notesAt(row).filter(
      (note) => !old.includes(note) && !said.some((word) => note.startsWith(word)),
    );
  }

  private notesAt({ steps }: Row): readonly string[] {
    return notesOf(this.reader.open(steps.at(-1)!.step));
  }

  /** Behind the place where there is room, else below it. */
  private besides(place: string, remarks: readonly string[]): string[] {
    if (remarks.length === 0) return [place.trimEnd()];
    const text = remarks.join('; ');
    const { width } = this.options;
    if (visibleLength(place) + 2 + visibleLength(text) <= width) return [`${place}  ${text}`];
    return [place.trimEnd(), ...remarks.flatMap((remark) => this.below(remark))];
  }

  /** What nft told of the rules that it met there. */
  private rules({ steps }: Row): string[] {
    const hits = steps.flatMap(({ step }) => step.rules ?? []);
    return hits.flatMap((hit) => this.below(printable(ruleText(hit))));
  }

  private below(text: string): string[] {
    return this.wrap(text, this.options.width - hanging.length - 2).map((line) => `${hanging}  ${line}`);
  }

  /** The packet once more, where its line reads otherwise now. */
  private newSummary({ steps, before }: Row): string[] {
    const last = steps.at(-1)!;
    const old = before?.steps.at(-1) ?? steps[0]!;
    if (last.step.stage.layer === 'end' || last.network === old.network) return [];
    const was = this.lineAt(old.step);
    const is = this.lineAt(last.step);
    if (was === undefined || is === undefined || was === is) return [];
    return this.below(is);
  }

  private lineAt(step: Step): string | undefined {
    const { record, packet } = this.reader.open(step);
    return record.isKeyOnly ? undefined : summarize(packet, absolute);
  }

  private inferred(row: Row, rows: readonly Row[]): string[] {
    const { before, steps } = row;
    if (!before || isAside(steps[0]!) || before.steps[0]!.step.branch !== steps[0]!.step.branch) return [];
    const { branch } = steps[0]!.step;
    const later = rows
      .slice(rows.indexOf(row))
      .filter(({ steps: [first] }) => first!.step.branch === branch && !isAside(first!));
    const passed = inferredBetween(seen(before), later.map(seen), this.context.watched);
    if (passed.length === 0) return [];
    const ids = passed.map(({ id }) => id).join(', ');
    const why = 'passed, unseen';
    return [this.palette.dim(`${'·'.padStart(timeWidth)}  ${ids.padEnd(this.widths.stage)}  ${why}`)];
  }

  private closing(scene: Scene): string[] {
    const last = scene.line(0).at(-1);
    const sentBy = last?.step.stage.id === 'start-xmit' ? scene.device(last) : undefined;
    const text = closingText(scene.journey, sentBy);
    return text === undefined ? [] : this.paragraph(text);
  }

  private stack({ record }: TapEvent): string[] {
    if (!this.options.stacks || !record.has('stack')) return [];
    return this.context.names.stack(record.stackId).map((frame) => `\t${frame}`);
  }
}

const colours = /\u001b\[\d*m/g;
const visibleLength = (text: string): number => text.replace(colours, '').length;
