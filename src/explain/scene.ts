/** A journey laid out for those who explain it. Pure. */
import type { Journey } from '../journey/journey.js';
import { type Step, StepReader } from '../journey/step.js';
import type { UnreachedChains } from '../netfilter/unreached.js';
import type { StageId } from '../stages/types.js';
import type { Names } from '../trace/event.js';
import { factsOf, isAside, NetworkReader, type StepFacts } from './facts.js';

export interface ExplainContext {
  readonly names: Names;
  /** Stages that this run watches: only of these does it mean something that an event is missing. */
  readonly watched: ReadonlySet<StageId>;
  /** Chains that no link of ours reaches. */
  readonly unreached: UnreachedChains;
  /**
   * The other end of a veth device, where its namespace is watched too and a packet chosen on this one would have been
   * chosen there before.
   */
  senderTo(netnsInum: number, ifindex: number): DeviceId | undefined;
}

export interface DeviceId {
  readonly netns: number;
  readonly ifindex: number;
}

const tapReceiver = /^(t?packet_rcv|__packet_rcv|packet_direct)/;

export class Scene {
  readonly steps: readonly StepFacts[];
  private readonly lines: StepFacts[][] = [];
  private readonly forTaps: boolean[] = [];

  constructor(
    readonly journey: Journey,
    readonly context: ExplainContext,
    reader = new StepReader(),
  ) {
    const networks = new NetworkReader();
    this.steps = journey.steps.map((step) => factsOf(step, reader.open(step), context.names, networks));
  }

  at(step: Step): number {
    return this.journey.steps.indexOf(step);
  }

  device({ netns, ifindex }: Pick<StepFacts, 'netns' | 'ifindex'>): string {
    return ifindex === undefined ? '-' : this.context.names.deviceLabel(netns ?? 0, ifindex);
  }

  /** The steps that led to the end of a branch: its own, and before them those of what it was made from. */
  line(branch: number): readonly StepFacts[] {
    this.lines[branch] ??= this.findLine(branch);
    return this.lines[branch];
  }

  private findLine(branch: number): StepFacts[] {
    const own = this.steps.filter((one) => one.step.branch === branch && !isAside(one));
    const from = this.journey.branches[branch]?.from;
    const first = own[0];
    if (from === undefined || first === undefined) return own;
    const born = this.steps.indexOf(first);
    return [...this.line(from).filter((one) => this.steps.indexOf(one) < born), ...own];
  }

  /** The same with the taps' own clones at the taps: it is the packet that they are shown. */
  lineWithTaps(branch: number): StepFacts[] {
    const line = new Set(this.line(branch));
    const ancestry = new Set([...line].map(({ step }) => step.branch));
    const isShown = ({ step }: StepFacts): boolean => {
      const from = this.journey.branches[step.branch]?.from;
      if (step.stage.group !== 'taps' || from === undefined) return false;
      return ancestry.has(from) && this.isForTap(step.branch);
    };
    return this.steps.filter((one) => line.has(one) || isShown(one));
  }

  /** A clone that only a tap was given: what becomes of it is not what becomes of the packet. */
  isForTap(branch: number): boolean {
    this.forTaps[branch] ??= this.judgeForTap(branch);
    return this.forTaps[branch];
  }

  private judgeForTap(branch: number): boolean {
    const one = this.journey.branches[branch];
    if (one?.kind === 'tap-clone') return true;
    if (one === undefined || one.kind === 'packet') return false;
    const own = this.steps.filter(({ step }) => step.branch === branch);
    return own.length === 1 && tapReceiver.test(own[0]!.location ?? '');
  }

  /** Steps of the packet itself, its copies and clones, but not those of the taps' clones. */
  get onTheWay(): StepFacts[] {
    return this.steps.filter(({ step }) => !this.isForTap(step.branch));
  }
}
