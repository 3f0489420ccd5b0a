/** Scenarios: some packets meet a fate that the kernel counts by itself, and compare has to tell the same. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import {
  type ChainName,
  type Compared,
  type CompareOptions,
  comparing,
  type Finding,
  type StageRow,
} from './comparing.js';
import { toolPath } from './host.js';
import { CountingTcpdump } from './oracles/tcpdump-count.js';
import type { Topology } from './topology.js';
import { cannotRunLive, type End } from './world.js';

/** Where packets are said to have met their fate. What is absent is not asked for. */
export interface Place {
  readonly stage: string;
  readonly chain?: ChainName;
  /** Who registered the chain. */
  readonly owner?: string;
  /** Those that cannot be told apart. */
  readonly chains?: readonly ChainName[];
  readonly reason?: string;
  readonly function?: string;
  /** Letter of the host it is in. */
  readonly host?: string;
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
  /** What a sentence of compare has to say; absent where nothing is to be said. */
  readonly sentence?: RegExp;
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
  /** Has tcpdump count at every device with compare's filter: where no packet stops matching on its way. */
  readonly tcpdump?: boolean;
  /** Packets that were sent in all: each is one journey, however often it forks and whatever it meets. */
  readonly packets?: number;
}

export interface GroupResult {
  readonly topology: Topology;
  readonly compared: Compared;
  /** By the name of the scenario. */
  readonly counts: ReadonlyMap<string, number>;
  /** What tcpdump counted, by `rx-tap vb`. */
  readonly taps: ReadonlyMap<string, number>;
}

/** Runs a tcpdump for each direction of each device meanwhile; the packets that each of them was handed. */
async function tcpdumpCounting(
  { tcpdump, compare = {} }: Group,
  { ends }: Topology,
  use: () => Promise<void>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const running = new Map<string, CountingTcpdump>();
  for (const end of tcpdump ? ends : []) {
    running.set(`rx-tap ${end.device}`, await CountingTcpdump.start(end, 'inbound', compare.filter!));
    running.set(`tx-tap ${end.device}`, await CountingTcpdump.start(end, 'outbound', compare.filter!));
  }
  await use();
  for (const [tap, counting] of running) counts.set(tap, await counting.stop());
  return counts;
}

async function runGroup(group: Group, topology: Topology): Promise<GroupResult> {
  const counts = new Map<string, number>();
  await group.setUp?.(topology);
  const traffic = async () => {
    for (const { name, send, counter, skip } of group.scenarios) {
      if (skip) continue;
      const start = await counter(topology);
      await send(topology);
      counts.set(name, (await counter(topology)) - start);
    }
  };
  let compared: Compared | undefined;
  const taps = await tcpdumpCounting(group, topology, async () => {
    compared = await comparing(topology.hosts, group.compare ?? {}, traffic);
  });
  return { topology, compared: compared!, counts, taps };
}

/** What the contract names a chain by; it may say more of it. */
const nameOf = ({ family, table, chain, priority }: ChainName): ChainName => ({
  family,
  table,
  chain,
  priority,
});

const chainsOf = ({ chain, chains = [] }: Pick<Place, 'chain' | 'chains'>): ChainName[] =>
  (chain ? [chain] : chains).map(nameOf);

function isAt(place: Place, said: StageRow | Finding, topology: Topology): boolean {
  const { stage, owner, reason, function: name, host } = place;
  if (said.stage !== stage) return false;
  const chains = chainsOf(place);
  if (chains.length > 0 && !isDeepStrictEqual(chainsOf(said), chains)) return false;
  if (owner && said.chain?.owner !== owner) return false;
  if (host && said.netns !== topology.host(host).netns.inode) return false;
  if (name !== undefined && said.function !== name) return false;
  return reason === undefined || said.reason === reason;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** What compare said, to be read when an assertion fails. */
function shown({ stages, findings }: Compared): string {
  return [...stages, ...findings].map((entry) => `\n  ${JSON.stringify(entry)}`).join('');
}

/** Asserts that compare's numbers and its sentence are those of the independent counters. */
function assertTold(group: Group, { topology, compared, counts }: GroupResult, scenario: Scenario): void {
  const { name, packets, fate, place, sentence } = scenario;
  const counted = counts.get(name)!;
  assert.ok(
    counted > 0 && counted === (packets ?? counted),
    `the scenario itself: its counter says ${counted}`,
  );
  const fellows = group.scenarios.filter(
    (other) => !other.skip && other.fate === fate && isDeepStrictEqual(other.place, place),
  );
  const countsOf = (some: readonly Scenario[]) => sum(some.map((one) => counts.get(one.name)!));
  const expected = countsOf(fellows);
  if (fate) {
    const rows = compared.stages.filter((row) => isAt(place, row, topology));
    const told = sum(rows.map((row) => row[fate] ?? 0));
    assert.equal(told, expected, `${fate} at ${JSON.stringify(place)}, by compare:${shown(compared)}`);
  }
  if (!sentence) return;
  const findings = compared.findings.filter(
    (said) => sentence.test(said.text) && isAt(place, said, topology),
  );
  assert.ok(findings.length > 0, `no sentence like ${sentence}:${shown(compared)}`);
  const sameWords = fellows.filter((fellow) => String(fellow.sentence) === String(sentence));
  const inWords = sum(findings.map((finding) => finding.packets));
  assert.equal(inWords, countsOf(sameWords), `the sentence:${shown(compared)}`);
}

/** Asserts that the taps' numbers are tcpdump's, and those that the sentences name as the whole. */
function assertTaps({ compared, taps }: GroupResult): void {
  const own = new Map([...taps.keys()].map((tap) => [tap, 0]));
  const tapName = (tap: { stage: string; device?: string }) =>
    `${tap.stage} ${tap.device?.replace(/@.*/, '')}`;
  for (const row of compared.stages) if (own.has(tapName(row))) own.set(tapName(row), row.packets);
  assert.deepEqual(Object.fromEntries(own), Object.fromEntries(taps));
  for (const { text, tap } of compared.findings)
    if (tap && taps.has(tapName(tap))) assert.equal(tap.packets, taps.get(tapName(tap)), text);
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
    const { packets } = group;
    if (packets !== undefined)
      it('tells one journey a packet', () => assert.equal(result.compared.packets, packets));
    if (group.tcpdump) it('counts at the taps what tcpdump counts', () => assertTaps(result));
  });
}

/** Sends UDP datagrams to this port of an address: exactly so many, whether anybody listens or not. */
export async function sendUdp(from: End, to: string, port: number, count: number): Promise<void> {
  const flow = ['--to', to, '--port', String(port), '--rate', '20000'];
  await from.send([toolPath('udp_flood'), ...flow, '--count', String(count)]);
}
