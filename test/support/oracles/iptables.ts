/** iptables as an oracle: rules of tests, told apart by their comments, and what they counted. */
import type { Host } from '../host.js';

/** The two implementations that Debian has, for IPv4 and IPv6. */
export type Iptables = 'iptables-legacy' | 'ip6tables-legacy' | 'iptables-nft' | 'ip6tables-nft';

/** Appends one rule: `chain` and the rest as on the command line. */
export async function addRule(
  host: Host,
  command: Iptables,
  table: string,
  chain: string,
  name: string,
  rest: readonly string[],
): Promise<void> {
  await host.run([command, '-w', '-t', table, '-A', chain, '-m', 'comment', '--comment', name, ...rest]);
}

/** Packets that the rule with this comment matched. */
export async function ruleCounter(
  host: Host,
  command: Iptables,
  table: string,
  name: string,
): Promise<number> {
  const saved = await host.run([
    `${command}-save`.replace(/^(ip6?tables)-(\w+)-save$/, '$1-$2-save'),
    '-c',
    '-t',
    table,
  ]);
  const rule = saved.split('\n').find((line) => line.includes(`--comment ${name} `));
  const packets = /^\[(\d+):/.exec(rule ?? '')?.[1];
  if (packets === undefined) throw new Error(`no rule '${name}' in ${command} -t ${table}:\n${saved}`);
  return Number(packets);
}
