/**
 * What the taps, the hooks and the ends saw of a run's packets: counted journey by journey, and forgotten. A packet counts
 * once at a tap for every time it is there, and once at a hook for every run through its chains.
 */

import type { RecordView } from '../decode/record.js';
import type { Branch, Journey } from '../journey/journey.js';
import { type Step, StepReader } from '../journey/step.js';
import type { TapEvent } from '../trace/event.js';
import { type Death, deathOf, isByGenericXdp, isInHook } from './death.js';
import { Flow } from './flow.js';
import { type Circumstances, type GroupKind, Groups, type Translation } from './groups.js';
import type { Row } from './place.js';
import { type ComparisonNames, functionOf, Places } from './places.js';
import { cameBack, type Pass, runnerOf, Walk } from './walk.js';

const ACCEPTED = 1;

/** Takes an end off the ports that stayed the same: the address alone is what was rewritten. */
function shortened(from: string, to: string): Pick<Translation, 'from' | 'to'> {
  const [, fromHost, fromPort] = /^(.*?)(:\d+)?$/.exec(from)!;
  const [, toHost, toPort] = /^(.*?)(:\d+)?$/.exec(to)!;
  if (fromPort !== toPort || fromHost === toHost) return { from, to };
  const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');
  return { from: bare(fromHost!), to: bare(toHost!) };
}

function translations(before: Flow, after: Flow): Translation[] {
  const list: Translation[] = [];
  if (before.sourceDiffers(after))
    list.push({ what: 'source', ...shortened(before.sourceText, after.sourceText) });
  if (before.destinationDiffers(after))
    list.push({ what: 'destination', ...shortened(before.destinationText, after.destinationText) });
  return list;
}

interface Seen {
  readonly row: Row;
  readonly flow: Flow;
  readonly mark: number | undefined;
}

/** A hook counts a packet once, however many of its chains changed it. */
function countChange(place: Row, pass: Pass | undefined, what: 'rewritten' | 'marked'): void {
  if (place !== pass?.hook) place[what] += 1;
  if (!pass || pass.counted[what]) return;
  pass.hook[what] += 1;
  pass.counted[what] = true;
}

/** nf_hook_slow's own answer, where it was watched itself: anything but 1 is the end of the way (net/netfilter/core.c). */
const isRefused = (record: RecordView): boolean => record.has('verdict') && record.verdict !== ACCEPTED;

export class Comparison {
  private readonly reader = new StepReader();
  readonly places: Places;
  readonly groups = new Groups();
  packets = 0;
  /** Packets with at least one end that was a drop. */
  droppedPackets = 0;
  /** Of the current journey. */
  private walks: (Walk | undefined)[] = [];
  private branches: readonly Branch[] = [];

  constructor(private readonly names: ComparisonNames) {
    this.places = new Places(names);
  }

  /** Counts a packet. */
  journey({ steps, branches }: Journey): void {
    this.packets += 1;
    this.walks = [];
    this.branches = branches;
    let dropped = false;
    for (const step of steps) {
      const event = this.reader.open(step);
      const walk = this.walkOf(step.branch);
      if (step.stage.layer !== 'end') this.take(step, event, walk);
      else if (this.end(step, event, walk)) dropped = true;
    }
    if (dropped) this.droppedPackets += 1;
    for (const walk of this.walks) if (walk && !walk.isEnded) this.vanished(walk);
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

  private take(step: Step, event: TapEvent, walk: Walk): void {
    const { record, stage, packet } = event;
    const row = this.places.at(event);
    const flow = new Flow().read(packet);
    const mark = record.has('mark') ? record.mark : undefined;
    if (stage.group === 'netfilter') this.atHook(step, event, { row, flow, mark }, walk);
    else {
      this.moveOn(walk, { row, flow, mark });
      this.see(row, packet.len, step.atNs, walk);
      if (stage.group === 'taps') this.atTap(step, event, row, walk);
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
    if (record.has('armed') && !record.is('armed')) row.unarmed += 1;
    if (walk.tap && walk.last === walk.tap.row && row.place.stage === 'tx-tap')
      if (walk.tap.row.place.stage === 'rx-tap' && walk.tap.row.place.netns === row.place.netns)
        this.groups.add({ kind: 'bypassed', place: row, tap: walk.tap.row }, atNs - walk.tap.atNs);
    walk.tap = { row, atNs, bytes: packet.len };
    walk.entered = undefined;
    // The taps on the way out get a clone: what follows of the packet itself comes after that tap all the same.
    const { kind, from } = this.branches[branch] ?? {};
    const original = kind === 'tap-clone' && from !== undefined ? this.walks[from] : undefined;
    if (original) {
      original.tap = walk.tap;
      original.entered = undefined;
    }
  }

  private atHook(step: Step, event: TapEvent, seen: Seen, walk: Walk): void {
    const { record, packet, hook } = event;
    const { row } = seen;
    const runner = runnerOf(record);
    const before = walk.pass;
    const goesOn = hook && before?.hook === row && before.index < hook.index;
    const bytes = Math.max(0, packet.len - seen.flow.linkBytes);
    if (goesOn) {
      this.changes(walk, seen, before);
      if (cameBack(before.runner, runner)) this.cameBack(before, walk, step.atNs);
    } else {
      this.moveOn(walk, seen);
      this.see(row, bytes, step.atNs, walk);
      walk.entered ??= row.place.stage;
    }
    const expected = goesOn ? before.index + 1 : 0;
    const groups = hook ? [hook.index > expected ? hook.before : [], hook.after] : [];
    const [, chains] = groups.map((group) => {
      const ofGroup = this.places.chains(row, group);
      if (ofGroup) this.see(ofGroup, bytes, step.atNs, walk);
      return ofGroup;
    });
    const pass = goesOn ? before : { hook: row, counted: { rewritten: false, marked: false } };
    const { index = 0, count = isRefused(record) ? 2 : 0 } = hook ?? {};
    walk.pass = Object.assign(pass, { index, count, chains, runner, atNs: step.atNs });
  }

  /** From one place to another, which is told of what was changed on the way. */
  private moveOn(walk: Walk, seen: Seen): void {
    this.changes(walk, seen, walk.openPass);
    this.settle(walk, seen.row);
  }

  /** What changed since the last event: by the chains that lie between, where it was in a hook. */
  private changes(walk: Walk, { row, flow, mark }: Seen, pass: Pass | undefined): void {
    const place = pass ? (pass.chains ?? pass.hook) : row;
    const { tap, entered } = walk;
    if (walk.last && walk.flow?.isComparable(flow)) {
      const list = translations(walk.flow, flow);
      if (list.length > 0) {
        countChange(place, pass, 'rewritten');
        this.settle(walk, undefined);
        walk.rewrite = { place, tap: tap?.row, entered, translations: list };
      }
    }
    // Elsewhere a mark says nothing of netfilter: it is taken off where a packet changes its namespace.
    if (!pass || mark === undefined || walk.mark === undefined || mark === walk.mark) return;
    countChange(place, pass, 'marked');
    this.groups.add({ kind: 'marked', place, tap: tap?.row });
  }

  /** Counts a change of address once the next place is known; undefined: there was none. */
  private settle(walk: Walk, later: Row | undefined): void {
    const { rewrite } = walk;
    if (!rewrite) return;
    walk.rewrite = undefined;
    const { place, tap, entered } = rewrite;
    for (const translation of rewrite.translations)
      this.groups.add({ kind: 'rewritten', place, tap, entered, later, translation });
  }

  private cameBack(pass: Pass, walk: Walk, atNs: number): void {
    const place = pass.chains ?? pass.hook;
    place.queued += 1;
    if (place !== pass.hook) pass.hook.queued += 1;
    this.groups.add({ kind: 'queued', place, tap: walk.tap?.row }, atNs - pass.atNs);
  }

  /** No end was seen. In the middle of a hook that is what a queue, or a chain that steals packets, looks like. */
  private vanished(walk: Walk): void {
    this.settle(walk, undefined);
    const pass = walk.midHook;
    if (pass) this.taken(pass, walk, 'stolen-or-queued');
  }

  private taken(pass: Pass, walk: Walk, kind: 'stolen' | 'stolen-or-queued'): void {
    const place = pass.chains ?? pass.hook;
    place.stolenOrQueued += 1;
    if (place !== pass.hook) pass.hook.stolenOrQueued += 1;
    this.groups.add({ kind, place, tap: walk.tap?.row, entered: walk.entered });
  }

  /** Whether it was a drop of the packet itself. */
  private end(step: Step, event: TapEvent, walk: Walk): boolean {
    walk.isEnded = true;
    const isDrop = event.stage.id === 'drop';
    if (this.branches[step.branch]?.kind === 'tap-clone') {
      if (isDrop) this.groups.add({ kind: 'tap-full', place: this.places.end(event), tap: walk.tap?.row });
      return false;
    }
    this.settle(walk, undefined);
    if (isDrop) this.dropped(step, event, walk);
    else this.consumed(event, walk);
    return isDrop;
  }

  private consumed(event: TapEvent, walk: Walk): void {
    const { record, packet } = event;
    const row = this.places.end(event);
    row.packets += 1;
    row.bytes += packet.len;
    const pass = walk.midHook;
    if (pass) this.taken(pass, walk, 'stolen');
    if (!record.has('location') || walk.tap?.row !== walk.last) return;
    const by = functionOf(this.names.symbol(record.location));
    if (/^t?packet_rcv/.test(by)) this.groups.add({ kind: 'tap-only', place: row, tap: walk.tap?.row });
  }

  private dropped(step: Step, event: TapEvent, walk: Walk): void {
    const death = deathOf(event, this.names);
    const place = this.killer(event, walk, death);
    place.dropped += 1;
    const { tap, entered } = walk;
    const isHidden = tap?.row === walk.last && tap?.row.place.stage === 'rx-tap' && isByGenericXdp(death);
    if (isHidden) {
      tap.row.packets -= 1;
      tap.row.bytes -= tap.bytes;
    }
    const kind: GroupKind = isHidden ? 'dropped-before-tap' : 'dropped';
    const what: Circumstances = { kind, place, tap: tap?.row, entered };
    this.groups.add(what, tap && !isHidden ? step.atNs - tap.atNs : undefined);
  }

  /** The chains or the hook that dropped a packet, else its reason. */
  private killer(event: TapEvent, walk: Walk, death: Death): Row {
    const pass = walk.openPass;
    const inHook = isInHook(death);
    if (pass && (inHook ?? pass.count > 0)) {
      if (pass.chains) pass.hook.dropped += 1;
      return pass.chains ?? pass.hook;
    }
    const row = this.places.end(event);
    row.packets += 1;
    row.bytes += event.packet.len;
    return row;
  }
}
