/** nftables as an oracle: rulesets of tests, and what their named counters counted. */
import type { Host } from '../host.js';

/** Loads a ruleset beside what there is. */
export async function loadNft(host: Host, ruleset: string): Promise<void> {
  await host.run(['nft', '-f', '-'], { input: ruleset });
}

interface CounterObject {
  readonly counter?: { readonly name: string; readonly packets: number };
}

/** Packets by counter name. Names are unique in a test's rulesets, whichever table they are in. */
export async function nftCounters(host: Host): Promise<Map<string, number>> {
  const { nftables } = JSON.parse(await host.run(['nft', '-j', 'list', 'counters'])) as {
    nftables: CounterObject[];
  };
  const counters = new Map<string, number>();
  for (const { counter } of nftables) if (counter) counters.set(counter.name, counter.packets);
  return counters;
}

/** Packets that a named counter counted. */
export async function nftCounter(host: Host, name: string): Promise<number> {
  const count = (await nftCounters(host)).get(name);
  if (count === undefined) throw new Error(`no nft counter ${name} in ${host.netns.name}`);
  return count;
}
