/**
 * The attach plan: stage rows × kernel features × what the user asked for → what will be attached, and
 * why every better way was passed over. A pure value: nothing here touches the kernel.
 */
import type { PassedOver, StageWatch } from '../stages/report.js';
import type { Mechanism, Rung, Stage, StageId } from '../stages/types.js';
import { countedWatch } from './counted.js';
import type { Access, KernelFeatures } from './features.js';
import { withInferred } from './inferred.js';
import { joinNetfilter } from './netfilter.js';
import { isKprobe, judgeRung, type MissingPart, type RungPart, resolveSymbol } from './rungs.js';

/** What the user asked for, as far as it decides what is attached. */
export interface PlanRequest {
  readonly stages: readonly Stage[];
  /** Our own packet socket on every device: watch the taps from inside. */
  readonly arm: boolean;
  /** No probe of ours that others could see. */
  readonly observeOnly: boolean;
  /** Stages whose mechanism the user chose. */
  readonly mechanisms: ReadonlyMap<StageId, Mechanism>;
  /** Packets have to be told apart by more than one namespace or device set. */
  readonly netnsInum: number | 'many' | 'all';
  readonly selectDevices: boolean;
  /** One function of several is enough: to find out whether a rung works, not to watch by it. */
  readonly sample?: boolean;
}

/** One program instance, or one direction of the packet-socket program. */
export interface Attachment {
  /** Written into records; the index in `attachments`. */
  readonly attachId: number;
  readonly stage: StageId;
  readonly mechanism: Mechanism;
  /** False: a probe of ours that others could see. */
  readonly observed: boolean;
  /** The kernel function the program runs in. */
  readonly function: string;
  /** BTF target, kprobe symbol or packet_rcv. */
  readonly target: string;
  /** Absent where another attachment's program serves this one too: both taps by packet socket, netfilter hooks. */
  readonly program?: {
    readonly object: string;
    readonly access: Access;
    readonly name: string;
    readonly kprobeSymbol?: string;
    /** Another program of the same object that goes with it, at the return of the function. */
    readonly onReturn?: string;
    /** Loaded for each program of a device that it watches. */
    readonly ofDevices?: boolean;
    readonly constants: Readonly<Record<string, number>>;
  };
  /** Some other attachment is the stage's first choice; this one covers packets that it does not see. */
  readonly complement: boolean;
  /** A complement shows what the kernel skips this program for, so that nothing is lost by it. */
  readonly covered: boolean;
  /** False: what lockdown leaves to this program tells of packets, but not their bytes. */
  readonly seesBytes: boolean;
}

export interface AttachPlan {
  readonly attachments: readonly Attachment[];
  /** One entry a stage asked for, in path order. */
  readonly watches: readonly StageWatch[];
}

/** Whether packet sockets of ours are opened, which arms the devices they sit on. */
export function armsDevices({ attachments }: AttachPlan): boolean {
  return attachments.some(({ mechanism }) => mechanism === 'packet_socket');
}

interface Choice {
  readonly rung: Rung;
  /** What of the rung can be watched, and what cannot. */
  readonly parts: readonly RungPart[];
  readonly missing: readonly MissingPart[];
}

/** Something of ours that others could see. */
export const isProbe = (mechanism: Mechanism): boolean =>
  ['packet_socket', 'tcx', 'netfilter', 'cgroup_skb'].includes(mechanism);

const frameStarts = { 'mac-header': 0, data: 1, detect: 2, network: 3 } as const;
const noAttachId = 0xffff;

/** The ladder of a stage with a packet socket first when the user wants the taps armed. */
function ladderFor(stage: Stage, request: PlanRequest): readonly Rung[] {
  const forced = request.mechanisms.get(stage.id);
  if (forced) return stage.ladder.filter((rung) => rung.mechanism === forced);
  if (!request.arm) return stage.ladder;
  const isSocket = (rung: Rung): boolean => rung.mechanism === 'packet_socket';
  return [...stage.ladder.filter(isSocket), ...stage.ladder.filter((rung) => !isSocket(rung))];
}

const partSeesBytes = ({ access }: RungPart): boolean => access !== 'direct';
const seesBytes = ({ parts }: Choice): boolean => parts.every(partSeesBytes);
const unseen = ({ missing }: Choice): MissingPart[] => missing.filter(({ isThere }) => isThere);
const reasonsOf = (missing: readonly MissingPart[]): string =>
  [...new Set(missing.map(({ reason }) => reason))].join('; ');

/** Why a rung that can be used comes after others that it is better than elsewhere. */
function flawOf(choice: Choice): string {
  const refused = choice.parts.find((part) => !partSeesBytes(part) && part.refused)?.refused;
  if (refused) return `without the bytes of packets, since a better build was refused: ${refused}`;
  if (!seesBytes(choice)) return 'lockdown=confidentiality keeps the bytes of packets from it';
  return `would see only some of the packets: ${reasonsOf(unseen(choice))}`;
}

/** The rungs that can be used, best first, and why those above the best were passed over. */
function choose(stage: Stage, request: PlanRequest, features: KernelFeatures) {
  const ladder = ladderFor(stage, request).filter((rung) => rung.program);
  const judged = ladder.map((rung) => {
    const verdict = judgeRung(stage, rung, features, request);
    if (!verdict.usable) return { rung, choice: undefined, reason: verdict.reason };
    const choice: Choice = { rung, ...verdict };
    return { rung, choice, reason: flawOf(choice) };
  });
  const usable = judged.flatMap(({ choice }) => choice ?? []);
  const sighted = usable.filter(seesBytes);
  const best = sighted.find((choice) => unseen(choice).length === 0) ?? sighted[0] ?? usable[0];
  const above = best ? judged.findIndex(({ choice }) => choice === best) : judged.length;
  const passedOver: PassedOver[] = judged
    .slice(0, above)
    .map(({ rung, reason }) => ({ mechanism: rung.mechanism, target: rung.target, reason }));
  return { usable: best ? [best, ...usable.filter((choice) => choice !== best)] : [], passedOver };
}

function functionOf(stage: Stage, rung: Rung, features: KernelFeatures): string {
  if (rung.program?.ofDevices) return stage.functions[0]!;
  if (rung.mechanism === 'fentry' || rung.mechanism === 'fexit') return rung.target;
  if (isKprobe(rung.mechanism)) return resolveSymbol(rung.target, features).symbol ?? rung.target;
  if (rung.mechanism === 'packet_socket') return rung.target;
  if (rung.mechanism === 'tcx') return 'tcx_run';
  if (rung.mechanism === 'cgroup_skb') return '__cgroup_bpf_run_filter_skb';
  // A tracepoint named after the function at whose entry it is.
  const entered = /^(\w+)_entry$/.exec(rung.target)?.[1];
  const inside = entered ?? stage.tracepointInside;
  return inside ? (resolveSymbol(inside, features).symbol ?? inside) : stage.functions[0]!;
}

/** The program shapes whose tracepoints and functions gained arguments over time. */
function argumentConstants(rung: Rung, features: KernelFeatures): Record<string, number> {
  const count = features.tracepoints[rung.target]?.length ?? 0;
  if (rung.target === 'kfree_skb')
    return { has_reason: Number(count >= 3), has_receiver: Number(count >= 4) };
  if (rung.target === 'tcf_classify')
    return { has_block: Number(features.functions.tcf_classify?.[1]?.type === 'tcf_block') };
  if (rung.target === 'consume_skb') return { has_location: Number(count >= 2) };
  return {};
}

/** A program that knows only its socket's context is loaded once for each namespace; the first is for this one. */
function ownNetns({ netnsInum }: PlanRequest): number {
  return typeof netnsInum === 'number' ? netnsInum : 0;
}

/** Programs that read packets by probe follow page fragments through the direct map (bpf/payload_probe.h). */
function directMapConstants({ directMap }: KernelFeatures): Record<string, number> {
  const low = (address: bigint): number => Number(BigInt.asUintN(32, address));
  return {
    vmemmap_base_symbol: low(directMap.vmemmap_base),
    page_offset_base_symbol: low(directMap.page_offset_base),
  };
}

function frameStartOf({ frameStart }: Stage, { mechanism, program }: Rung): number {
  // Both are handed the packet with its link header pushed back (net/core/dev.c, sch_handle_ingress; net/packet/af_packet.c).
  if (mechanism === 'packet_socket' || mechanism === 'tcx') return frameStarts.data;
  // INET hooks and cgroups are handed it at its network header; what lies before may be the link header of another device.
  if (mechanism === 'netfilter' || mechanism === 'cgroup_skb') return frameStarts.network;
  return program?.allHooks ? frameStarts.detect : frameStarts[frameStart];
}

function constantsOf(
  stage: Stage,
  rung: Rung,
  access: Access,
  request: PlanRequest,
  features: KernelFeatures,
): Record<string, number> {
  return {
    stage: stage.number,
    frame_start: frameStartOf(stage, rung),
    only_netns: typeof request.netnsInum === 'number' ? request.netnsInum : 0,
    select_netns: Number(request.netnsInum === 'many'),
    select_devices: Number(request.selectDevices),
    is_tap: Number(stage.group === 'taps'),
    want_owner: Number(stage.direction !== 'rx'),
    ...(rung.mechanism !== 'packet_socket' && {
      before_untag: Number(stage.id === 'rx-tap'),
      is_outgoing: Number(stage.direction === 'tx'),
    }),
    ...(stage.id === 'drop' && { want_stack: 1 }),
    ...(access === 'context' && { own_netns: ownNetns(request) }),
    ...(access === 'probe' && !rung.program?.ofDevices && directMapConstants(features)),
    ...argumentConstants(rung, features),
  };
}

/** Rungs attached together: the first usable one, and the stage's backstop for what it does not see. */
function rungsToAttach(stage: Stage, usable: readonly Choice[], request: PlanRequest): Choice[] {
  const [first, ...others] = usable;
  if (!first) return [];
  if (request.mechanisms.has(stage.id) || first.rung.mechanism === stage.backstop) return [first];
  return [first, ...others.filter(({ rung }) => rung.mechanism === stage.backstop)];
}

/**
 * What makes the two attachments of a tap share the packets between them without seeing one twice. The
 * backstop's program runs behind the first one, but before our packet socket on the way in.
 */
function sharingConstants(stage: Stage, rung: Rung, chosen: readonly Choice[]): Record<string, number> {
  if (chosen.length < 2) return {};
  const isBackstop = rung.mechanism === stage.backstop;
  if (stage.id === 'rx-tap' && chosen[0]!.rung.mechanism === 'packet_socket')
    return isBackstop ? { skip_armed: 1 } : { skip_entered: 1 };
  return isBackstop ? { skip_noted: 1 } : { leave_note: 1 };
}

const nit = { unknown: 0, ran: 1, silent: 2 } as const;
/** Rungs of tx-tap that watch every call of the function. */
const watchesNit = ({ mechanism }: Rung): boolean => mechanism === 'fentry' || mechanism === 'kprobe';

/** Whether dev_queue_xmit_nit ran for the packets of this program (enum nit of bpf/maps.h). */
function nitOf(stage: Stage, rung: Rung, chosen: readonly Choice[]): number {
  if (rung.mechanism === 'packet_socket') return nit.ran;
  if (stage.id !== 'tx-tap') return nit.unknown;
  if (watchesNit(rung)) return nit.ran;
  // Our own sockets are not on every device: their silence proves nothing.
  return watchesNit(chosen[0]!.rung) ? nit.silent : nit.unknown;
}

/** One reason that holds for every rung is said once. */
function whyNone(passedOver: StageWatch['passedOver']): string {
  const reasons = new Set(passedOver.map(({ reason }) => reason));
  if (reasons.size === 1) return passedOver[0]!.reason;
  return (
    passedOver.map(({ mechanism, reason }) => `${mechanism}: ${reason}`).join('; ') ||
    'no mechanism exists for it'
  );
}

function watchOf(stage: Stage, chosen: readonly Choice[], passedOver: StageWatch['passedOver']): StageWatch {
  const first = chosen[0];
  if (!first) {
    return { stage: stage.id, reason: whyNone(passedOver), passedOver };
  }
  const { mechanism, remark } = first.rung;
  const targets = first.parts.map(({ target }) => target);
  const blind = seesBytes(first) ? '' : ` Here ${flawOf(first)}.`;
  const without = first.missing.length ? ` Left out: ${reasonsOf(first.missing)}.` : '';
  return {
    stage: stage.id,
    mechanism,
    target: targets[0]!,
    ...(targets.length > 1 && { targets }),
    observed: !isProbe(mechanism),
    ...(!seesBytes(first) && { seesBytes: false }),
    reason: `${remark ?? 'The best way there is.'}${without}${blind}`,
    passedOver,
  };
}

/** One program instance: a rung of a stage at one of its targets. */
function attachmentOf(
  attachId: number,
  stage: Stage,
  { rung, index, chosen }: { rung: Rung; index: number; chosen: readonly Choice[] },
  part: RungPart,
  request: PlanRequest,
  features: KernelFeatures,
): Attachment {
  const { access } = part;
  const { mechanism } = rung;
  const { object, name, onReturn, ofDevices } = rung.program!;
  const symbol = isKprobe(mechanism) ? resolveSymbol(rung.target, features).symbol : undefined;
  return {
    attachId,
    stage: stage.id,
    mechanism,
    observed: !isProbe(mechanism),
    function: functionOf(stage, rung, features),
    target: rung.target,
    complement: index > 0,
    covered: index === 0 && chosen.length > 1,
    seesBytes: partSeesBytes(part),
    program: {
      object: `${object}-${access}`,
      access,
      name,
      ...(onReturn !== undefined && { onReturn }),
      ...(ofDevices && { ofDevices }),
      ...(symbol !== undefined && { kprobeSymbol: symbol }),
      constants: {
        attach_id: attachId,
        ...constantsOf(stage, rung, access, request, features),
        ...sharingConstants(stage, rung, chosen),
        ...(stage.group === 'taps' && { nit: nitOf(stage, rung, chosen) }),
        ...(rung.program!.allHooks && hookConstant(stage, attachId)),
      },
    },
  };
}

/** Makes the plan. Stages that cannot be watched are in `watches` with the reason. */
export function makePlan(request: PlanRequest, features: KernelFeatures): AttachPlan {
  const attachments: Attachment[] = [];
  const watches: StageWatch[] = [];
  for (const stage of request.stages) {
    const { usable, passedOver } = choose(stage, request, features);
    const chosen = rungsToAttach(stage, usable, request);
    watches.push(countedWatch(watchOf(stage, chosen, passedOver), stage, request.mechanisms));
    for (const [index, choice] of chosen.entries())
      for (const part of request.sample ? choice.parts.slice(0, 1) : choice.parts) {
        const rung = { ...choice.rung, target: part.target };
        const place = { rung, index, chosen };
        attachments.push(attachmentOf(attachments.length, stage, place, part, request, features));
      }
  }
  return {
    attachments: joinNetfilter(joinHooks(joinPacketSockets(attachments))),
    watches: withInferred(watches, request),
  };
}

/** What bpf/hook.h is told of a stage: its attachment, and its number from bit 16 on. */
function hookConstant({ id, number }: Stage, attachId: number): Record<string, number> {
  return { [`hook_${id.replace('-', '_')}`]: attachId + number * 0x1_0000 };
}

const isHook = (name: string): boolean => name.startsWith('hook_');

/** Programs that differ only in which netfilter stage they are for become one: the first carries it. */
function joinHooks(attachments: readonly Attachment[]): Attachment[] {
  const carriers = new Map<string, number>();
  const joined = [...attachments];
  for (const [index, attachment] of attachments.entries()) {
    const { program, mechanism, target } = attachment;
    const hooks = Object.entries(program?.constants ?? {}).filter(([name]) => isHook(name));
    if (!program || hooks.length === 0) continue;
    const key = [mechanism, target, program.object].join();
    const at = carriers.get(key);
    if (at === undefined) {
      carriers.set(key, index);
      continue;
    }
    const carrier = joined[at]!;
    const constants = {
      ...carrier.program!.constants,
      ...Object.fromEntries(hooks),
      want_owner: Math.max(carrier.program!.constants.want_owner ?? 0, program.constants.want_owner ?? 0),
    };
    joined[at] = { ...carrier, program: { ...carrier.program!, constants } };
    const { program: _, ...withoutProgram } = attachment;
    joined[index] = withoutProgram;
  }
  return joined;
}

/** Both taps by packet socket are one program: the way in carries it, the way out rides along. */
function joinPacketSockets(attachments: readonly Attachment[]): Attachment[] {
  const sockets = attachments.filter(({ mechanism }) => mechanism === 'packet_socket');
  const rx = sockets.find(({ stage }) => stage === 'rx-tap');
  const tx = sockets.find(({ stage }) => stage === 'tx-tap');
  const carrier = rx ?? tx;
  if (!carrier?.program) return [...attachments];
  const constants = {
    ...carrier.program.constants,
    ...tx?.program?.constants,
    attach_id: rx?.attachId ?? noAttachId,
    stage: rx?.program?.constants.stage ?? 0,
    attach_id_out: tx?.attachId ?? noAttachId,
    stage_out: tx?.program?.constants.stage ?? 0,
  };
  return attachments.map((attachment) => {
    if (attachment === carrier) return { ...attachment, program: { ...carrier.program!, constants } };
    if (attachment !== tx) return attachment;
    const { program: _, ...withoutProgram } = attachment;
    return withoutProgram;
  });
}
