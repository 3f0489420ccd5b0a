/** Scenarios: some packets meet a fate that the kernel counts by itself, and compare has to tell the same. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type ChainName,
  type Compared,
  type CompareOptions,
  comparing,
  type Finding,
  type StageRow,
} from './comparing.js';
import { toolPath } from './host.js';
import type { Topology } from './topology.js';
import { cannotRunLive, type End } from './world.js';

/** Where packets are said to have met their fate. What is absent is not asked for. */
export interface Place {
  readonly stage: string;
  readonly chain?: ChainName;
  readonly reason?: string;
}

export interface Scenario {
  readonly name: string;
  /** Packets that meet the fate; absent where only the counter knows. */
  readonly packets?: number;
  readonly send: (topology: Topology) => Promise<void>;
  /** A counter that is none of ours: its difference over `send` is the truth. */
  readonly counter: (topology: Topology) => Promise<number>;
  /** What compare calls it; absent where nothing happens to the packet but what the sentence says. */
  readonly fate?: 'dropped' | 'rewritten' | 'queued';
  readonly place: Place;
  /** What a sentence of compare has to say. */
  readonly sentence: RegExp;
  /** Why compare cannot tell it on this kernel. */
  readonly skip?: string;
}

/** Scenarios that share one topology, one ruleset and one run of compare; told apart by their places. */
export interface Group {
  readonly name: string;
  readonly topology: () => Promise<Topology>;
  readonly setUp?: (topology: Topology) => Promise<void>;
  readonly compare?: CompareOptions;
  readonly scenarios: readonly Scenario[];
  readonly commands?: readonly string[];
  /** More that has to hold of the whole run. */
  readonly more?: (result: () => GroupResult) => void;
}

export interface GroupResult {
  readonly topology: Topology;
  readonly compared: Compared;
  /** By the name of the scenario. */
  readonly counts: ReadonlyMap<string, number>;
}

async function runGroup(group: Group, topology: Topology): Promise<GroupResult> {
  const counts = new Map<string, number>();
  await group.setUp?.(topology);
  const compared = await comparing(topology.hosts, group.compare ?? {}, async () => {
    for (const { name, send, counter, skip } of group.scenarios) {
      if (skip) continue;
      const start = await counter(topology);
      await send(topology);
      counts.set(name, (await counter(topology)) - start);
    }
  });
  return { topology, compared, counts };
}

const sameChain = (a: ChainName | undefined, b: ChainName): boolean =>
  a !== undefined &&
  a.family === b.family &&
  a.table === b.table &&
  a.chain === b.chain &&
  a.priority === b.priority;

function isAt({ stage, chain, reason }: Place, said: StageRow | Finding): boolean {
  if (said.stage !== stage) return false;
  if (chain && !sameChain(said.chain, chain)) return false;
  return reason === undefined || said.reason === reason;
}

function samePlace(a: Place, b: Place): boolean {
  if (a.stage !== b.stage || a.reason !== b.reason) return false;
  return a.chain && b.chain ? sameChain(a.chain, b.chain) : a.chain === b.chain;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** What compare said, to be read when an assertion fails. */
function shown({ stages, findings }: Compared): string {
  return [...stages, ...findings].map((entry) => `\n  ${JSON.stringify(entry)}`).join('');
}

/** Asserts that compare's numbers and its sentence are those of the independent counters. */
function assertTold(group: Group, { compared, counts }: GroupResult, scenario: Scenario): void {
  const { name, packets, fate, place, sentence } = scenario;
  const counted = counts.get(name)!;
  assert.ok(
    counted > 0 && counted === (packets ?? counted),
    `the scenario itself: its counter says ${counted}`,
  );
  const fellows = group.scenarios.filter(
    (other) => !other.skip && other.fate === fate && samePlace(other.place, place),
  );
  const expected = sum(fellows.map((fellow) => counts.get(fellow.name)!));
  if (fate) {
    const rows = compared.stages.filter((row) => isAt(place, row));
    const told = sum(rows.map((row) => row[fate] ?? 0));
    assert.equal(told, expected, `${fate} at ${JSON.stringify(place)}, by compare:${shown(compared)}`);
  }
  const findings = compared.findings.filter(({ text }) => sentence.test(text));
  assert.ok(findings.length > 0, `no sentence like ${sentence}:${shown(compared)}`);
  assert.equal(sum(findings.map((finding) => finding.packets)), expected, `the sentence:${shown(compared)}`);
}

/** Makes a test of each scenario of a group. */
export function describeGroup(group: Group): void {
  const skip = cannotRunLive(['nft', 'tcpdump', ...(group.commands ?? [])]) ?? false;
  describe(group.name, { skip }, () => {
    let topology: Topology;
    let result: GroupResult;
    before(async () => {
      topology = await group.topology();
      result = await runGroup(group, topology);
    });
    after(() => topology?.close());
    it('ends complete', () => assert.match(result.compared.stderr, /complete: nothing was lost/));
    for (const scenario of group.scenarios)
      it(scenario.name, { skip: scenario.skip ?? false }, () => assertTold(group, result, scenario));
    group.more?.(() => result);
  });
}

/** Sends UDP datagrams to this port of an address: exactly so many, whether anybody listens or not. */
export async function sendUdp(from: End, to: string, port: number, count: number): Promise<void> {
  const flow = ['--to', to, '--port', String(port), '--rate', '20000'];
  await from.send([toolPath('udp_flood'), ...flow, '--count', String(count)]);
}
