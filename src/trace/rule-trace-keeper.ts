/**
 * Reads what nf_tables tells of packets that the user's own ruleset traces, in every namespace that is watched. The kernel
 * makes such messages only of those packets, and only while somebody listens (net/netfilter/nf_tables_trace.c).
 */
import { isNativeError, type NativeBinding, type NativeNetlinkListener } from '../native/binding.js';
import type { RuleTrace, RuleTraces } from '../netfilter/rule-trace.js';
import { printable } from '../render/printable.js';
import { hasNfTables, nftChains, nftGeneration } from '../system/netfilter/nf-tables.js';
import { parseRuleTrace } from '../system/netfilter/rule-messages.js';
import { RuleTexts } from '../system/netfilter/rule-texts.js';
import { NetlinkRefused, netlinkProtocol, parseMessages } from '../system/netlink.js';
import type { Netns } from '../system/netns.js';
import type { Devices } from './devices.js';

/** NFNLGRP_NFTRACE of linux/netfilter/nfnetlink.h. */
const traceGroup = 9;
const refreshIntervalMs = 250;
/** While no event brings somebody to read: the sockets' buffers are not to fill with packets that nobody follows. */
const readIntervalMs = 50;
/** A chunk of a recording holds them. */
const messagesAtOnce = 1024;

export interface RuleTraceListener {
  traces(traces: RuleTraces): void;
  notice(text: string): void;
}

type Binding = Pick<NativeBinding, 'NetlinkListener' | 'netlink' | 'nftListChain' | 'btfFunction' | 'clocks'>;

/** One generation of a namespace's ruleset, as far as messages have named it. */
interface Ruleset {
  readonly generation: number | undefined;
  /** Hooks of base chains. */
  readonly hooks: ReadonlyMap<string, string>;
  readonly texts: RuleTexts;
}

interface Namespace {
  readonly netns: Netns;
  readonly socket: number;
  ruleset: Ruleset | undefined;
}

const chainKey = (chain: Pick<RuleTrace, 'family' | 'table' | 'chain'>): string =>
  `${chain.family} ${chain.table} ${chain.chain}`;

const nameOf = ({ name }: Netns): string => (name === 'own' ? 'this namespace' : printable(name));

export class RuleTraceKeeper {
  private readonly builtIn: boolean;
  private listener: NativeNetlinkListener | undefined;
  private readonly namespaces = new Map<number, Namespace>();
  private timers: NodeJS.Timeout[] = [];
  /** When everything that had come was taken the last time. */
  private readNs: number;
  private readonly refused = new Set<number>();

  constructor(
    private readonly native: Binding,
    private readonly devices: Pick<Devices, 'netns'>,
    private readonly told: RuleTraceListener,
  ) {
    this.builtIn = native.btfFunction('nf_tables_getgen') !== null;
    this.readNs = this.nowNs();
  }

  private nowNs(): number {
    return Number(this.native.clocks().bootNs);
  }

  /** Subscribes in every namespace, and in those that come. */
  start(): void {
    this.refresh();
    this.timers = [
      setInterval(() => this.refresh(), refreshIntervalMs),
      setInterval(() => this.read(), readIntervalMs),
    ];
    for (const timer of this.timers) timer.unref();
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.listener?.close();
    this.listener = undefined;
    this.namespaces.clear();
  }

  private refresh(): void {
    // Subscribing would load the module (net/netfilter/nfnetlink.c, nfnetlink_bind): there is no ruleset then.
    if (!hasNfTables(this.builtIn)) return;
    this.listener ??= new this.native.NetlinkListener(netlinkProtocol.netfilter, traceGroup);
    const there = new Map(this.devices.netns.map((netns) => [netns.inum, netns]));
    for (const [inum, { socket }] of this.namespaces)
      if (!there.has(inum)) {
        this.listener.remove(socket);
        this.namespaces.delete(inum);
      }
    for (const [inum, netns] of there)
      if (!this.namespaces.has(inum) && !this.refused.has(inum)) this.subscribe(this.listener, netns);
  }

  private subscribe(listener: NativeNetlinkListener, netns: Netns): void {
    try {
      const socket = listener.add(netns.path);
      this.namespaces.set(netns.inum, { netns, socket, ruleset: undefined });
    } catch (error) {
      if (!isNativeError(error)) throw error;
      this.refused.add(netns.inum);
      // It has gone while it was entered.
      if (error.code === 'ENOENT' || error.code === 'EINVAL') return;
      const why = error.code === 'EPERM' ? 'needs CAP_NET_ADMIN there' : error.message;
      this.told.notice(`nft traces of ${nameOf(netns)} are not shown: ${why}`);
    }
  }

  /** Everything that has come: to be called before events are given out that it may belong to. */
  read(): void {
    if (!this.listener) return;
    const fromNs = this.readNs;
    this.readNs = this.nowNs();
    for (const { socket, messages, lost } of this.listener.read()) {
      const namespace = [...this.namespaces.values()].find((one) => one.socket === socket);
      if (!namespace) continue;
      const read = { netnsInum: namespace.netns.inum, fromNs, toNs: this.nowNs() };
      const parsed = parseMessages(messages).flatMap((message) => parseRuleTrace(message) ?? []);
      // Where some are missing, none can be trusted to tell all of its packet.
      if (lost > 0) this.told.traces({ ...read, lost: lost + parsed.length, messages: [] });
      else this.tell(namespace, read, parsed);
    }
  }

  private tell(
    namespace: Namespace,
    read: Pick<RuleTraces, 'netnsInum' | 'fromNs' | 'toNs'>,
    traces: readonly RuleTrace[],
  ): void {
    const ruleset = this.rulesetOf(namespace);
    for (let at = 0; at < traces.length; at += messagesAtOnce) {
      const messages = traces.slice(at, at + messagesAtOnce).map((trace) => named(trace, ruleset));
      this.told.traces({ ...read, lost: 0, messages });
    }
  }

  /** Names are of the ruleset as it is now: packets were traced moments ago. */
  private rulesetOf(namespace: Namespace): Ruleset | undefined {
    const { path } = namespace.netns;
    try {
      const generation = nftGeneration(this.native, path);
      if (namespace.ruleset?.generation === generation) return namespace.ruleset;
      const chains = nftChains(this.native, path);
      const hooks = new Map(chains.map((chain) => [chainKey(chain), chain.hook]));
      namespace.ruleset = { generation, hooks, texts: new RuleTexts(this.native, path) };
    } catch (error) {
      // The namespace is about to go, or its ruleset changes all the time: handles tell as much as there is.
      if (!isNativeError(error) && !(error instanceof NetlinkRefused)) throw error;
      namespace.ruleset = undefined;
    }
    return namespace.ruleset;
  }
}

/** With what the ruleset knows of it. */
function named(trace: RuleTrace, ruleset: Ruleset | undefined): RuleTrace {
  const hook = ruleset?.hooks.get(chainKey(trace));
  const text = trace.handle === undefined ? undefined : ruleset?.texts.text(trace, trace.handle);
  return { ...trace, ...(hook !== undefined && { hook }), ...(text !== undefined && { text }) };
}
