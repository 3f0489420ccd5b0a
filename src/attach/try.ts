/**
 * Which rung of each stage's ladder works on this kernel: tried, not guessed. Each stage gets a session of its own
 * with small rings, in which its programs are really loaded and attached, as a trace would do it, and closed again.
 */
import { TaptraceError } from '../errors.js';
import { isNativeError, type NativeBinding } from '../native/binding.js';
import { stageById } from '../stages/lookup.js';
import type { StageWatch } from '../stages/report.js';
import { targetsOf } from '../stages/rungs.js';
import type { Mechanism, Rung, Stage, StageId } from '../stages/types.js';
import type { KernelFeatures } from './features.js';
import { inferredRung, inferredWatch } from './inferred.js';
import { type Attachment, makePlan, type PlanRequest } from './plan.js';
import type { RefusalListener } from './refusal.js';
import { type OpenedSession, openPossible, type SessionSettings } from './session.js';

/** What became of one rung that a trace would not take. */
export interface RungTrial {
  readonly mechanism: Mechanism;
  readonly target: string;
  readonly works: boolean;
  /** Why not; absent where it works. */
  readonly reason?: string;
}

/** What became of one stage. */
export interface StageTrial {
  readonly stage: Stage;
  readonly watch: StageWatch;
  /** What is attached for it: the mechanism chosen, then what covers packets that it does not see. */
  readonly attachments: readonly Attachment[];
  /** The packet socket is all that works, and only --arm may open one. */
  readonly onlyWithArm: boolean;
  /** The rungs below the one chosen, where they were asked for. */
  readonly below: readonly RungTrial[];
}

export interface TryOptions {
  /** As a trace with --arm would do it. */
  readonly arm: boolean;
  /** Also the rungs below the one that is chosen. */
  readonly below: boolean;
  readonly cpus: number;
  readonly onRefused?: RefusalListener;
  /** Gives the error to show in the place of one that is no refusal. */
  readonly explain?: (error: unknown) => unknown;
}

/** Bytes of each ring: enough to create what a trace creates. */
export const smallRingBytes = 4096;

interface Outcome {
  readonly watch: StageWatch;
  readonly attachments: readonly Attachment[];
}

/** What is tried once for all stages that it serves: netfilter links differ only in the hook they are put at. */
function triedAs({ mechanism, target, program }: Attachment): string {
  const where = mechanism === 'netfilter' ? 'any hook' : target;
  return program ? [mechanism, where, program.object, program.name].join(' ') : '';
}

class Laboratory {
  private readonly working = new Map<StageId, boolean>();
  private readonly settings: SessionSettings;
  /** Programs that worked where they were tried: one that serves several stages is tried for the first. */
  private readonly worked = new Set<string>(['']);

  constructor(
    private readonly native: NativeBinding,
    private readonly features: KernelFeatures,
    private readonly options: TryOptions,
  ) {
    this.settings = { ringBytes: smallRingBytes, cpus: options.cpus, snaplen: 256, stacks: false };
  }

  /** What a trace would get for this stage, or for this mechanism of it. */
  attempt(stage: Stage, forced?: Mechanism): Outcome {
    const { native, features, settings, options } = this;
    const request: PlanRequest = {
      ...{ stages: [stage], arm: options.arm, observeOnly: false, netnsInum: 'all', selectDevices: false },
      mechanisms: new Map(forced ? [[stage.id, forced]] : []),
      sample: true,
    };
    const planned = makePlan(request, features);
    if (planned.attachments.length > 0 && planned.attachments.every((one) => this.worked.has(triedAs(one))))
      return { watch: planned.watches[0]!, attachments: planned.attachments };
    let opened: OpenedSession | undefined;
    try {
      opened = openPossible(native, request, features, settings, options.onRefused);
      opened.session.tryPacketSocket();
      for (const attachment of opened.plan.attachments) this.worked.add(triedAs(attachment));
      return { watch: opened.plan.watches[0]!, attachments: opened.plan.attachments };
    } catch (cause) {
      const error = options.explain ? options.explain(cause) : cause;
      if (!isNativeError(error) && !(error instanceof TaptraceError)) throw error;
      return { watch: { stage: stage.id, reason: error.message, passedOver: [] }, attachments: [] };
    } finally {
      opened?.session.close();
    }
  }

  /** Whether some program of the stage works. */
  private works(stage: StageId): boolean {
    const known = this.working.get(stage) ?? this.attempt(stageById(stage)).attachments.length > 0;
    this.working.set(stage, known);
    return known;
  }

  /** The watch of a stage that has no working program, but stages that prove it. */
  inferred(stage: Stage, watch: StageWatch): StageWatch {
    return inferredWatch(watch, inferredRung(stage, new Map()), (id) => this.works(id));
  }

  tryRung(stage: Stage, { mechanism, target }: Rung): RungTrial {
    const { watch } = this.attempt(stage, mechanism);
    return watch.mechanism
      ? { mechanism, target, works: true }
      : { mechanism, target, works: false, reason: watch.reason };
  }
}

const isSocket = ({ mechanism }: { readonly mechanism: Mechanism }): boolean => mechanism === 'packet_socket';

/** Rungs that a trace gets to only when the one chosen fails. */
function rungsBelow(stage: Stage, { mechanism, target, passedOver }: StageWatch): Rung[] {
  const settled = (rung: Rung): boolean =>
    (rung.mechanism === mechanism && target !== undefined && targetsOf(rung).includes(target)) ||
    passedOver.some((entry) => entry.mechanism === rung.mechanism && entry.target === rung.target);
  return mechanism ? stage.ladder.filter((rung) => rung.program && !settled(rung)) : [];
}

/** A packet socket that only --arm may open is still tried, so that the report can say what --arm would bring. */
function withSocketTried(laboratory: Laboratory, stage: Stage, watch: StageWatch) {
  const socket = stage.ladder.find((rung) => rung.program && isSocket(rung));
  if (!socket || !watch.passedOver.some(isSocket)) return { watch, onlyWithArm: false };
  const trial = laboratory.tryRung(stage, socket);
  const reason = trial.works ? 'only with --arm, since it arms the devices (tried: it works)' : trial.reason!;
  const passedOver = watch.passedOver.map((entry) => (isSocket(entry) ? { ...entry, reason } : entry));
  if (watch.mechanism || !trial.works) return { watch: { ...watch, passedOver }, onlyWithArm: false };
  const probe = { mechanism: socket.mechanism, target: socket.target, observed: false, reason };
  return {
    watch: { ...watch, ...probe, passedOver: passedOver.filter((entry) => !isSocket(entry)) },
    onlyWithArm: true,
  };
}

function tryStage(laboratory: Laboratory, stage: Stage, options: TryOptions): StageTrial {
  const { watch: chosen, attachments } = laboratory.attempt(stage);
  const { watch: found, onlyWithArm } = options.arm
    ? { watch: chosen, onlyWithArm: false }
    : withSocketTried(laboratory, stage, chosen);
  const watch = laboratory.inferred(stage, found);
  const below = options.below ? rungsBelow(stage, watch).map((rung) => laboratory.tryRung(stage, rung)) : [];
  return { stage, watch, attachments, onlyWithArm, below };
}

/** Tries one stage after the other. */
export function* tryStages(
  native: NativeBinding,
  stages: readonly Stage[],
  features: KernelFeatures,
  options: TryOptions,
): Generator<StageTrial> {
  const laboratory = new Laboratory(native, features, options);
  for (const stage of stages) yield tryStage(laboratory, stage, options);
}
