/** Journeys of synthetic records: what a tracker would have put together, written down directly. */

import { type ExplainContext, Scene } from '../../../src/explain/scene.js';
import type { Journey } from '../../../src/journey/journey.js';
import { type Step, StepStore } from '../../../src/journey/step.js';
import type { BaseChain, HookPosition } from '../../../src/netfilter/types.js';
import { UnreachedChains } from '../../../src/netfilter/unreached.js';
import { stages } from '../../../src/stages/table.js';
import type { StageId } from '../../../src/stages/types.js';
import { ETHERTYPE, ethernetFrame } from '../../support/frames.js';
import { ipv4, type PacketSpec, udp } from '../journey/sightings.js';
import { type EventContent, names, tapEvent } from '../support/events.js';

export interface Sight extends EventContent {
  /** Microseconds since the first; one more than the sight before when absent. */
  readonly us?: number;
  readonly branch?: number;
  readonly hook?: HookPosition;
  readonly guess?: string;
}

const startNs = 12_345_123_456_789n;
const pair = { from: '02:00:00:00:00:0a', to: '02:00:00:00:00:0b' };
export const payload = new TextEncoder().encode('hello, world');

/** A datagram in a frame; an IP packet alone with `bare`. */
export const frame = (spec: Partial<PacketSpec> = {}, sport = 1000, dport = 2000): Uint8Array =>
  ethernetFrame(pair, ETHERTYPE.ipv4, bare(spec, sport, dport));
export const bare = (spec: Partial<PacketSpec> = {}, sport = 1000, dport = 2000): Uint8Array =>
  ipv4({ payload: udp(payload, sport, dport), ...spec });

const always = [
  'skb',
  'head',
  'netns',
  'ifindex',
  'mark',
  'hash',
  'checksum',
  'dataLayout',
  'packetType',
] as const;

/** A sight of the datagram on eth0, all that tracepoints know of it known; what is given replaces that. */
export function sight(stage: StageId, content: Partial<Sight> = {}): Sight {
  const data = content.data ?? frame();
  const defaults = {
    ...{
      skb: 0xffff888101234500n,
      head: 0xffff888107654000n,
      netnsInum: 1,
      ifindex: 2,
      protocol: ETHERTYPE.ipv4,
    },
    linearLen: data.length,
  };
  return {
    ...content,
    ...{ stage, data },
    has: [...always, ...(content.has ?? [])],
    fields: { ...defaults, ...content.fields },
  };
}

export function journeyOf(sights: readonly Sight[], more: Partial<Journey> = {}): Journey {
  const store = new StepStore();
  let us = -1;
  const steps = sights.map(({ us: at, branch = 0, hook, guess, ...content }, index): Step => {
    us = at ?? us + 1;
    const timeNs = startNs + BigInt(Math.round(us * 1000));
    const event = tapEvent({ ...content, seq: index + 1, fields: { timeNs, ...content.fields } });
    return store.keep({ ...event, ...(hook && { hook }) }, us * 1000, branch, guess);
  });
  const branches = more.branches ?? [{ kind: 'packet' as const }];
  for (const step of steps)
    if (step.stage.layer === 'end' && branches[step.branch]) branches[step.branch]!.end = step;
  const common = { packet: 17, parents: [], children: [], closed: 'ended' as const };
  return { ...common, ...more, steps, branches };
}

export const allStages: ReadonlySet<StageId> = new Set(stages.map(({ id }) => id));
export const context = (watched: ReadonlySet<StageId> = allStages): ExplainContext => ({
  ...{ names, watched },
  unreached: new UnreachedChains(),
  senderTo: (netns, ifindex) => (ifindex === 1 ? { netns, ifindex: 2 } : undefined),
});

export function sceneOf(sights: readonly Sight[], more: Partial<Journey> = {}, watched = allStages): Scene {
  return new Scene(journeyOf(sights, more), context(watched));
}

export function chain(name: string, priority: number, more: Partial<BaseChain> = {}): BaseChain {
  return { family: 'ip', table: 'filter', chain: name, hook: 'input', priority, owner: 'nft', ...more };
}

/** The brackets of a hook around these chains, each a bracket of its own apart from the next. */
export function brackets(stage: StageId, chains: readonly BaseChain[]): HookPosition[] {
  const count = chains.length + 1;
  return Array.from({ length: count }, (_, index) => ({
    ...{ family: 'ip' as const, stage, netnsInum: 1, index, count, priority: index },
    before: index === 0 ? [] : [chains[index - 1]!],
    after: index < chains.length ? [chains[index]!] : [],
  }));
}
