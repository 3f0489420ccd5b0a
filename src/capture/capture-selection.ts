/** Which packets of a capture file are wanted. */
import { CaptureFilter } from '../filter/capture-filter.js';
import { verdict } from '../filter/filter.js';
import type { Stage } from '../stages/types.js';
import { globPattern } from '../trace/device-table.js';
import type { LocatedPacket } from './link-layer.js';
import type { Place } from './place.js';

export interface CaptureQuestions {
  /** Devices, where `*` and `?` match; none: every one. */
  readonly interfaces: readonly string[];
  readonly stages?: readonly Stage[] | undefined;
  readonly count?: number | undefined;
  readonly direction?: 'in' | 'out' | undefined;
  readonly minLen?: number | undefined;
  readonly maxLen?: number | undefined;
  readonly filter?: string | undefined;
}

export class CaptureSelection {
  passed = 0;
  filteredOut = 0;
  undecided = 0;
  private readonly filter: CaptureFilter | undefined;
  private readonly devices: readonly RegExp[];

  constructor(private readonly questions: CaptureQuestions) {
    const { filter, interfaces } = questions;
    this.filter = filter === undefined ? undefined : new CaptureFilter(filter);
    this.devices = interfaces.includes('any') ? [] : interfaces.map(globPattern);
  }

  /** As many as were asked for have passed. */
  get isFull(): boolean {
    return this.questions.count !== undefined && this.passed >= this.questions.count;
  }

  /** Before packets of an interface come: why the filter cannot be asked of them. Throws UsageError where it is no filter. */
  prepare(linkType: number): string | undefined {
    return this.filter?.prepare(linkType);
  }

  /** Counts it. */
  wants(located: LocatedPacket, place: Place): boolean {
    if (!this.isAt(place) || !this.meets(located)) return false;
    const { captured } = located;
    const answer = this.filter?.match(captured.at.linkType, captured.bytes, captured.len) ?? verdict.yes;
    if (answer === verdict.undecided) this.undecided += 1;
    else if (answer === verdict.no) this.filteredOut += 1;
    else this.passed += 1;
    return answer === verdict.yes;
  }

  /** By name; with or without the namespace behind it. */
  private isAt({ device, stage }: Place): boolean {
    const { stages } = this.questions;
    if (stages && !(stage && stages.includes(stage))) return false;
    if (this.devices.length === 0) return true;
    const names = device === undefined ? [] : [device, device.split('@')[0]!];
    return names.some((name) => this.devices.some((pattern) => pattern.test(name)));
  }

  private meets({ packet, direction }: LocatedPacket): boolean {
    const { minLen = 0, maxLen = Number.POSITIVE_INFINITY, direction: asked } = this.questions;
    return packet.len >= minLen && packet.len <= maxLen && (!asked || asked === direction);
  }
}
