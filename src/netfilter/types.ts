/** Netfilter as events name it: base chains, and where among them an event was seen. */

export interface BaseChain {
  readonly family: string;
  readonly table?: string;
  readonly chain?: string;
  readonly priority: number;
  readonly owner: string;
}

export interface HookPosition {
  readonly family: 'ip' | 'ip6';
  readonly hook: string;
  readonly netnsInum: number;
  readonly index: number;
  readonly count: number;
  readonly priority: number;
  readonly before: readonly BaseChain[];
  readonly after: readonly BaseChain[];
}
