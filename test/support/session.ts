/** Runs cases of traffic between markers while observers watch, and compares what they saw. */
import { betweenMarkers, type Comparison, firstDifference, type SeenPacket } from './compare.js';
import { markerFrame } from './frames.js';
import { type Observer, observeByTcpdump, type Place, type Taps, tapName } from './observer.js';
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
      const difference = compare(expected, actual);
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
  try {
    const oracle = await observeByTcpdump(scene.world, scene.places, 'oracle');
    const candidate = await startCandidate();
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
    await candidate.untilMarked(markers);
    await oracle.untilMarked(markers);
    // The oracle outlives the candidate: what it arms stays armed for every event.
    const seen = await candidate.stop();
    return new Session(await oracle.stop(), seen);
  } catch (error) {
    killChildren(); // observers that still run would meet the next session
    throw error;
  }
}

/** Names of all taps of a scene. */
export function tapsOf({ places }: Scene): string[] {
  return places.flatMap(({ device }) => [tapName(device, 'rx'), tapName(device, 'tx')]);
}
