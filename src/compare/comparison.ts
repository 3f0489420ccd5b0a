/**
 * What the taps, the hooks and the ends saw of a run's packets: counted journey by journey, and forgotten. A packet counts
 * once at a tap for every time it is there, and once at a hook for every run through its chains.
 */
import type { RecordView } from '../decode/record.js';
import type { Branch, CloseReason, Journey } from '../journey/journey.js';
import { type Step, StepReader } from '../journey/step.js';
import { isTakenByXdp, takenVerdict } from '../journey/verdict.js';
import { isDecision } from '../netfilter/rule-trace.js';
import { isPingOriginal } from '../stages/death.js';
import { stageById } from '../stages/lookup.js';
import type { TapEvent } from '../trace/event.js';
import { Changes, type Seen } from './changes.js';
import { Ends } from './ends.js';
import { Flow } from './flow.js';
import { Groups } from './groups.js';
import { countRule, type Row } from './place.js';
import { type ComparisonNames, Places } from './places.js';
import { cameBack, countIn, Pass, type Runner, runnerOf, Walk } from './walk.js';
import { Xdp } from './xdp.js';

const ACCEPTED = 1;

/** nf_hook_slow's own answer, where it was watched itself: anything but 1 is the end of the way (net/netfilter/core.c). */
const isRefused = (record: RecordView): boolean => record.has('verdict') && record.verdict !== ACCEPTED;

const isSilent = (closed: CloseReason): boolean => closed !== 'delivered' && closed !== 'merged';

/** TC_ACT_REDIRECT (linux/pkt_cls.h). */
const REDIRECT = 7;
const isRedirect = ({ stage, record }: TapEvent): boolean =>
  stage.id === 'tc-ingress' && record.has('verdict') && record.verdict === REDIRECT;

export class Comparison {
  private readonly reader = new StepReader();
  readonly places: Places;
  readonly groups = new Groups();
  private readonly changes = new Changes(this.groups);
  private readonly ends: Ends;
  readonly xdp: Xdp;
  packets = 0;
  /** Packets with at least one end that was a drop. */
  droppedPackets = 0;
  /** Packets whose end was not seen, and those that had not ended when the run did; none that a device sent out. */
  withoutEnd = 0;
  stillOpen = 0;
  /** Of the current journey. */
  private walks: (Walk | undefined)[] = [];
  private branches: readonly Branch[] = [];

  constructor(private readonly names: ComparisonNames) {
    this.places = new Places(names);
    this.xdp = new Xdp(this.places, this.groups);
    this.ends = new Ends(names, this.places, this.groups, this.xdp);
  }

  /** Counts a packet. */
  journey({ steps, branches, closed }: Journey): void {
    this.packets += 1;
    this.walks = [];
    this.branches = branches;
    let dropped = false;
    for (const step of steps) {
      const event = this.reader.open(step);
      const walk = this.walkOf(step.branch);
      if (step.stage.layer !== 'end') this.take(step, event, walk);
      else if (this.end(step, event, walk)) dropped = true;
      if (isTakenByXdp(event)) dropped = this.byXdp(event, walk) || dropped;
    }
    if (dropped) this.droppedPackets += 1;
    const open = this.walks.filter((walk) => walk !== undefined && !walk.isEnded) as Walk[];
    const lost = open.filter((walk) => !this.unended(walk, closed));
    if (lost.length === 0 || !isSilent(closed)) return;
    if (closed === 'stopped') this.stillOpen += 1;
    else this.withoutEnd += 1;
  }

  /** Whether its program dropped it. */
  private byXdp({ record }: TapEvent, walk: Walk): boolean {
    const verdict = takenVerdict(record.verdict);
    walk.isEnded = true;
    walk.isTaken = true;
    this.xdp.took(walk.last!, verdict);
    return verdict === 'drop' || verdict === 'aborted';
  }

  /** A branch goes on from where the one that it was made from was then. */
  private walkOf(branch: number): Walk {
    const known = this.walks[branch];
    if (known) return known;
    const { from } = this.branches[branch] ?? {};
    const walk = (from !== undefined && this.walks[from]?.fork()) || new Walk();
    this.walks[branch] = walk;
    return walk;
  }

  /** False where it is not known what became of it. */
  private unended(walk: Walk, closed: CloseReason): boolean {
    this.changes.settle(walk, undefined);
    const { last, tap } = walk;
    const isSent =
      last && stageById(last.place.stage).direction === 'tx' && tap?.row.place.stage === 'tx-tap';
    if (isSent && isSilent(closed)) this.groups.add({ kind: 'left', place: tap.row });
    else this.ends.vanished(walk, closed);
    return isSent === true;
  }

  private take(step: Step, event: TapEvent, walk: Walk): void {
    const { record, stage, packet } = event;
    walk.isTaken = false;
    const row = this.places.at(event);
    const flow = new Flow().read(packet);
    const mark = record.has('mark') ? record.mark : undefined;
    if (stage.group === 'netfilter') this.atHook(step, event, { row, flow, mark }, walk);
    else {
      this.moveOn(walk, { row, flow, mark }, runnerOf(record), step.atNs);
      this.see(row, packet.len, step.atNs, walk);
      if (stage.group === 'taps') this.atTap(step, event, row, walk);
      if (isRedirect(event)) walk.isRedirected = true;
    }
    if (flow.version !== 0) walk.flow = flow;
    walk.mark = mark ?? walk.mark;
    walk.last = row;
  }

  private see(row: Row, bytes: number, atNs: number, { tap }: Walk): void {
    row.packets += 1;
    row.bytes += bytes;
    if (tap) row.afterTap.add(atNs - tap.atNs);
  }

  private atTap({ atNs, branch }: Step, { record, packet }: TapEvent, row: Row, walk: Walk): void {
    const isUnarmed = record.has('armed') && !record.is('armed');
    if (isUnarmed) row.unarmed += 1;
    this.noteBypass(row, walk);
    walk.tap = { row, atNs, bytes: packet.len, isUnarmed };
    walk.entered = undefined;
    walk.isRedirected = false;
    // The taps on the way out get a clone: what follows of the packet itself comes after that tap all the same.
    const { kind, from } = this.branches[branch] ?? {};
    const original = kind === 'tap-clone' && from !== undefined ? this.walks[from] : undefined;
    if (original) Object.assign(original, { tap: walk.tap, entered: undefined });
  }

  /** In on one device and out on another, and no hook between. */
  private noteBypass(row: Row, { tap, entered, isRedirected }: Walk): void {
    if (!tap || entered || row.place.stage !== 'tx-tap') return;
    const { stage, netns, ifindex = 0 } = tap.row.place;
    if (stage !== 'rx-tap' || netns !== row.place.netns) return;
    const isBridged = this.names.areBridged(netns ?? 0, ifindex, row.place.ifindex ?? 0);
    const kind = isRedirected ? 'redirected' : isBridged ? 'bridged' : 'bypassed';
    this.groups.add({ kind, place: row, tap: tap.row });
  }

  private atHook({ atNs, rules = [] }: Step, event: TapEvent, seen: Seen, walk: Walk): void {
    const { record, packet, hook } = event;
    const { row } = seen;
    const runner = runnerOf(record);
    const before = walk.pass;
    const goesOn = hook && before?.hook === row && before.index < hook.index;
    const bytes = Math.max(0, packet.len - seen.flow.linkBytes);
    if (goesOn) {
      this.changes.take(walk, seen, before);
      this.noteQueue(before, walk, runner, atNs);
    } else {
      this.moveOn(walk, seen, runner, atNs);
      this.see(row, bytes, atNs, walk);
      walk.entered ??= row.place.stage;
    }
    if (hook) row.isBracketed = true;
    const pass = goesOn ? before : new Pass(row);
    // The event of the bracket before was lost, or was before the run: its chains were passed all the same.
    const hasGap = hook !== undefined && hook.index > (goesOn ? before.index + 1 : 0);
    if (hasGap) this.enter(this.places.chains(row, hook.before), bytes, atNs, walk);
    pass.index = hook?.index ?? 0;
    pass.count = hook?.count ?? (isRefused(record) ? 2 : 0);
    pass.chains = hook && this.places.chains(row, hook.after);
    pass.runner = runner;
    pass.atNs = atNs;
    this.enter(pass.chains, bytes, atNs, walk);
    const decisions = rules.filter(isDecision);
    for (const rule of decisions) countRule(pass.chains ?? row, rule);
    pass.decision = decisions.at(-1);
    walk.pass = pass;
  }

  private enter(chains: Row | undefined, bytes: number, atNs: number, walk: Walk): void {
    if (chains) this.see(chains, bytes, atNs, walk);
  }

  /** From one place to another, which is told of what was changed on the way. */
  private moveOn(walk: Walk, seen: Seen, runner: Runner | undefined, atNs: number): void {
    const pass = walk.openPass;
    this.changes.take(walk, seen, pass);
    // Where only the hook as a whole is watched, packets from a queue are next seen behind it.
    if (pass) this.noteQueue(pass, walk, runner, atNs);
    this.changes.settle(walk, seen.row);
  }

  private noteQueue(pass: Pass, walk: Walk, runner: Runner | undefined, atNs: number): void {
    if (!cameBack(pass.runner, runner)) return;
    const place = pass.chains ?? pass.hook;
    countIn(place, pass, 'queued');
    this.groups.add({ kind: 'queued', place, tap: walk.tap?.row }, atNs - pass.atNs);
  }

  /** Whether it was a drop of the packet itself. */
  private end(step: Step, event: TapEvent, walk: Walk): boolean {
    walk.isEnded = true;
    const isDrop = event.stage.id === 'drop';
    // The driver frees what XDP took.
    if (walk.isTaken) return false;
    if (this.branches[step.branch]?.kind === 'tap-clone') {
      if (isDrop) this.ends.refusedByTap(event, walk);
      return false;
    }
    this.changes.settle(walk, undefined);
    if (isDrop && !this.wentToSocket(step, event)) {
      this.ends.dropped(step, event, walk);
      return true;
    }
    this.ends.consumed(event, walk);
    return false;
  }

  /** An ICMP message that is freed without a socket, since its clone has one. */
  private wentToSocket({ branch }: Step, { record }: TapEvent): boolean {
    const hasClone = this.branches.some(({ from, kind }) => from === branch && kind === 'clone');
    if (!hasClone || !record.has('reason')) return false;
    return isPingOriginal(this.names.dropReason(record.reason), this.names.death(record));
  }
}
