/** Runs cases of traffic between markers while observers watch, and compares what they saw. */
import { betweenMarkers, type Comparison, firstDifference, type SeenPacket } from './compare.js';
import { markerFrame } from './frames.js';
import { directionOf, type Observer, observeByTcpdump, type Place, type Taps, tapName } from './observer.js';
import { killChildren } from './process.js';
import type { World } from './world.js';

/** One kind of traffic. */
export interface TrafficCase {
  readonly name: string;
  readonly run: (world: World) => Promise<void>;
  /** Fewest packets that all taps together must have seen, or the case proved nothing. */
  readonly atLeast: number;
}

/** A way to send a marker: out of one device, to the address of another. */
export interface MarkerPath {
  readonly from: Place;
  readonly fromMac: string;
  readonly toMac: string;
}

export interface Scene {
  readonly world: World;
  readonly places: readonly Place[];
  /** Paths that together cross every tap of the places exactly once. */
  readonly markerPaths: readonly MarkerPath[];
}

/** Both ends of the veth pair. */
export function vethScene(world: World): Scene {
  const { a, b } = world;
  const [placeA, placeB] = [
    { end: a, device: a.device },
    { end: b, device: b.device },
  ];
  return {
    world,
    places: [placeA, placeB],
    markerPaths: [
      { from: placeA, fromMac: a.mac, toMac: b.mac },
      { from: placeB, fromMac: b.mac, toMac: a.mac },
    ],
  };
}

/** Sends a marker frame along every path of a scene. */
export async function mark({ markerPaths }: Scene, text: string): Promise<void> {
  for (const { from, fromMac, toMac } of markerPaths) {
    await from.end.sendFrames([markerFrame({ from: fromMac, to: toMac }, text)], from.device);
  }
}

const startOf = (name: string) => `start of ${name}`;
const endOf = (name: string) => `end of ${name}`;

/** What both observers saw of all cases. */
export class Session<Result extends Taps> {
  constructor(
    readonly oracle: Taps,
    readonly candidate: Result,
  ) {}

  /** The packets of one case at one tap. */
  packets(observation: Taps, tap: string, name: string): SeenPacket[] {
    try {
      return betweenMarkers(observation.get(tap) ?? [], startOf(name), endOf(name));
    } catch (error) {
      throw new Error(`${name} at ${tap}: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** How many packets the oracle saw of a case, at all its taps. */
  countOf(name: string): number {
    return [...this.oracle.keys()].reduce((sum, tap) => sum + this.packets(this.oracle, tap, name).length, 0);
  }

  /** Every tap at which the observers disagree about a case, each with its first difference, found this way. */
  differences(
    name: string,
    taps: Iterable<string> = this.oracle.keys(),
    compare: Comparison = firstDifference,
  ): string[] {
    return [...taps].flatMap((tap) => {
      const [expected, actual] = [
        this.packets(this.oracle, tap, name),
        this.packets(this.candidate, tap, name),
      ];
      const difference = compare(expected, actual, directionOf(tap));
      return difference === undefined ? [] : [`${name} at ${tap}: ${difference}`];
    });
  }
}

/** Runs the cases while tcpdump and the candidate watch the scene. */
export async function runSession<Result extends Taps>(
  scene: Scene,
  cases: readonly TrafficCase[],
  startCandidate: () => Promise<Observer<Result>>,
): Promise<Session<Result>> {
  const [outcome] = await runSessions(scene, cases, [startCandidate]);
  if (outcome!.status === 'fulfilled') return outcome!.value;
  throw outcome!.reason;
}

/**
 * Runs the cases once while tcpdump and all candidates, started one after the other, watch the scene. One that
 * fails does not disturb the others.
 */
export async function runSessions<Result extends Taps>(
  scene: Scene,
  cases: readonly TrafficCase[],
  starts: readonly (() => Promise<Observer<Result>>)[],
): Promise<PromiseSettledResult<Session<Result>>[]> {
  try {
    const oracle = await observeByTcpdump(scene.world, scene.places, 'oracle');
    const started: PromiseSettledResult<Observer<Result>>[] = [];
    for (const start of starts) started.push(...(await Promise.allSettled([start()])));
    const markers = await runCases(scene, cases);
    const finish = async (candidate: PromiseSettledResult<Observer<Result>>) => {
      if (candidate.status === 'rejected') throw candidate.reason;
      await candidate.value.untilMarked(markers);
      return candidate.value.stop();
    };
    // The oracle outlives the candidates: what it arms stays armed for every event.
    const seen = await Promise.allSettled(started.map(finish));
    await oracle.untilMarked(markers);
    const expected = await oracle.stop();
    if (seen.some(({ status }) => status === 'rejected')) killChildren();
    return seen.map((outcome) =>
      outcome.status === 'rejected'
        ? outcome
        : { status: 'fulfilled', value: new Session(expected, outcome.value) },
    );
  } catch (error) {
    killChildren(); // observers that still run would meet the next session
    throw error;
  }
}

/** Runs the cases between markers; returns the texts of all markers in order. */
async function runCases(scene: Scene, cases: readonly TrafficCase[]): Promise<string[]> {
  const markers: string[] = [];
  const markNext = async (text: string) => {
    markers.push(text);
    await mark(scene, text);
  };
  for (const { name, run } of cases) {
    await markNext(startOf(name));
    await run(scene.world);
    await markNext(endOf(name));
  }
  return markers;
}

/** Names of all taps of a scene. */
export function tapsOf({ places }: Scene): string[] {
  return places.flatMap(({ device }) => [tapName(device, 'rx'), tapName(device, 'tx')]);
}
