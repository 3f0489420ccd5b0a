/** Sessions of taptrace beside tcpdump, and what has to be true of every one of them. */
import assert from 'node:assert/strict';
import type { Direction } from './compare.js';
import { type Observer, observeByTracer, type TracedTaps } from './observer.js';
import { runSession, type Scene, type Session, type TrafficCase } from './session.js';
import type { TraceEvent } from './tracer.js';
import type { End } from './world.js';

/** How taptrace is run. */
export interface Mode {
  readonly snaplen: number;
  /** With --arm, or watching only. */
  readonly arm: boolean;
  /** Events of one marker frame at this end, where not one at each tap of each place. */
  readonly eventsPerMarker?: (end: End) => number;
  readonly args?: readonly string[];
  /** See TracerOptions. */
  readonly blind?: readonly Direction[];
  readonly together?: boolean;
  /** False where the kernel does not count the runs of our programs that it skipped: kprobes, and before 5.12. */
  readonly missesCounted?: boolean;
}

export function modeName({ snaplen, arm }: Mode): string {
  return `${arm ? '--arm' : 'passive'}, snaplen ${snaplen}`;
}

export type TracedSession = Session<TracedTaps>;

/** Runs the cases with tcpdump and taptrace at every place of the scene. */
export async function traceSession(
  scene: Scene,
  cases: readonly TrafficCase[],
  mode: Mode,
): Promise<TracedSession> {
  return runSession(scene, cases, () => observeIn(scene, mode));
}

/** Watches a scene with taptrace run in this way. */
export function observeIn(scene: Scene, mode: Mode): Promise<Observer<TracedTaps>> {
  const { snaplen, arm, blind = [], together = false } = mode;
  const twoTapsEach = (end: End) => 2 * scene.places.filter((place) => place.end === end).length;
  const eventsPerMarker = mode.eventsPerMarker ?? twoTapsEach;
  const args = [...(arm ? ['--arm'] : []), ...(mode.args ?? [])];
  return observeByTracer(scene.places, { snaplen, blind, together, args, eventsPerMarker });
}

/** All events of a session. */
export function eventsOf(session: TracedSession): TraceEvent[] {
  return session.candidate.traces.flatMap(({ events }) => events);
}

/** Asserts that both saw the same packets of a case, and enough of them. */
export function assertAgree(session: TracedSession, traffic: TrafficCase, taps?: readonly string[]): void {
  const { name, atLeast } = traffic;
  const count = session.countOf(name);
  assert.ok(count >= atLeast, `${count} packets, at least ${atLeast} wanted`);
  assert.deepEqual(session.differences(name, taps, session.candidate.comparison), []);
}

/** Asserts a normal end without losses, and that events say by which kind of mechanism they were seen. */
export function assertHonest(session: TracedSession, { arm, missesCounted = true }: Mode): void {
  for (const { exit, summary, events, stderr } of session.candidate.traces) {
    assert.deepEqual(exit, { code: 0, signal: null }, stderr);
    assert.equal(summary.events, events.length);
    const { ring, recursion, user } = summary.lost;
    const misses = missesCounted || recursion !== null ? 0 : null;
    assert.deepEqual({ ring, recursion, user }, { ring: 0, recursion: misses, user: 0 });
    assert.equal(summary.complete, recursion === null ? 'unknown' : true);
  }
  for (const { seq, linkType } of eventsOf(session)) assert.equal(linkType, 'ethernet', `event ${seq}`);
  for (const { events } of session.candidate.traces) {
    const judged = arm ? sinceArmed(events) : events;
    assert.ok(judged.length > 0);
    for (const { seq, mechanism, observed } of judged) {
      assert.equal(mechanism === 'packet_socket', arm, `event ${seq}: ${mechanism}`);
      assert.equal(observed, !arm, `event ${seq}`);
    }
  }
}

/**
 * The events of devices since our sockets sat on them: a packet that the kernel sent by itself while the trace was
 * starting is seen as without --arm.
 */
function sinceArmed(events: readonly TraceEvent[]): TraceEvent[] {
  const armed = new Set<string>();
  return events.filter(({ netns, ifindex, stage, mechanism }) => {
    const tap = `${netns} ${ifindex} ${stage}`;
    if (mechanism === 'packet_socket') armed.add(tap);
    return armed.has(tap);
  });
}
