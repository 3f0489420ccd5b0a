/**
 * Links of ours between the base chains of every hook that is watched, in every namespace that is; kept in step with
 * the rulesets while the trace runs.
 */
import { hooksWatched } from '../attach/netfilter.js';
import type { Attachment } from '../attach/plan.js';
import type { TapSession } from '../attach/session.js';
import type { RecordView } from '../decode/record.js';
import { isNativeError, type NativeBinding } from '../native/binding.js';
import { chainsAt } from '../netfilter/brackets.js';
import { type InetHook, linkFamilies, nfproto } from '../netfilter/hooks.js';
import type { BaseChain, HookFamily, HookPosition } from '../netfilter/types.js';
import { printable } from '../render/printable.js';
import { InventoryReader } from '../system/netfilter/inventory.js';
import { NetlinkRefused } from '../system/netlink.js';
import type { Netns } from '../system/netns.js';
import type { HookInventory } from './chain-notes.js';
import type { Devices } from './devices.js';
import { HookLinks } from './hook-links.js';
import { HookSpans } from './hook-spans.js';
import type { HookPlacement } from './log.js';

const refreshIntervalMs = 250;
const hooksOfFamily = 5;

/** The time in which a ruleset changed and events name the chains that there were before. */
export interface HookGap {
  readonly netnsInum: number;
  /** CLOCK_BOOTTIME in ns. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly text: string;
}

export interface NetfilterListener {
  notice(text: string): void;
  gap(gap: HookGap): void;
}

/** One family's side of one hook of a namespace. */
interface Site {
  readonly family: HookFamily;
  readonly hook: InetHook;
  readonly links: HookLinks;
  readonly spans: HookSpans;
}

interface Namespace {
  readonly netns: Netns;
  /** By family and hook number, see siteIndex(). */
  readonly sites: (Site | undefined)[];
  /** Before our own links. */
  chains: readonly BaseChain[];
  notes: readonly string[];
  version: string;
  /** When the ruleset was last known to be the one bracketed. */
  checkedNs: bigint;
  /** Its ruleset can no longer be followed. */
  stale: boolean;
}

const siteIndex = (family: number, hook: number): number =>
  (family === nfproto.ip6 ? hooksOfFamily : 0) + hook;

/** setns(2) and open(2) on the way into a namespace that has gone. */
const isGone = (error: unknown): boolean =>
  isNativeError(error) && (error.code === 'ENOENT' || error.code === 'EINVAL');

export class NetfilterKeeper {
  /** Those that links watch. */
  readonly hooks: readonly InetHook[];
  private readonly namespaces = new Map<number, Namespace>();
  private readonly reader: InventoryReader;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly native: Pick<NativeBinding, 'netlink' | 'readFile' | 'btfFunction' | 'clocks'>,
    private readonly session: Pick<TapSession, 'openHookLink' | 'closeHookLink'>,
    private readonly devices: Pick<Devices, 'netns'>,
    attachments: readonly Attachment[],
    /** Is told where each link stands from now on. */
    private readonly placed: (placement: HookPlacement) => void = () => undefined,
  ) {
    this.hooks = hooksWatched(attachments);
    this.reader = new InventoryReader(native);
  }

  /** Whether any hook is watched by links. */
  get isNeeded(): boolean {
    return this.hooks.length > 0;
  }

  /** Brackets the hooks of every namespace, then looks again from time to time. Throws NativeError. */
  start(listener: NetfilterListener): void {
    if (!this.isNeeded) return;
    for (const netns of this.devices.netns) this.add(netns);
    this.timer = setInterval(() => this.refresh(listener), refreshIntervalMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** What there was at the hooks of every namespace before our links: all base chains, of hooks not watched too. */
  get inventory(): HookInventory[] {
    return [...this.namespaces.values()].map(({ netns, chains, notes }) => ({ netns, chains, notes }));
  }

  /** Which of our links a record is from; undefined for a record of anything else. */
  positionOf(record: RecordView): HookPosition | undefined {
    const namespace = this.namespaces.get(record.netnsInum);
    const site = namespace?.sites[siteIndex(record.nfFamily, record.nfHook)];
    return site?.spans.at(record.slot, record.timeHigh * 0x1_0000_0000 + record.timeLow);
  }

  private add(netns: Netns): void {
    const unread = { chains: [], notes: [], version: '', checkedNs: 0n };
    const namespace: Namespace = { netns, sites: [], stale: false, ...unread };
    for (const hook of this.hooks)
      for (const family of linkFamilies)
        namespace.sites[siteIndex(nfproto[family], hook.number)] = this.site(netns, family, hook);
    try {
      this.rebuild(namespace);
      this.namespaces.set(netns.inum, namespace);
    } catch (error) {
      closeLinks(namespace);
      if (!isGone(error)) throw error;
    }
  }

  private site(netns: Netns, family: HookFamily, hook: InetHook): Site {
    const place = { family: nfproto[family], hook: hook.number };
    const links = new HookLinks({
      open: (slot, priority) => this.session.openHookLink(slot, netns.path, { ...place, priority }),
      close: (link) => this.session.closeHookLink(link),
    });
    return { family, hook, links, spans: new HookSpans() };
  }

  /** Brackets the chains there are now. Throws NativeError. */
  private rebuild(namespace: Namespace): void {
    const checkedNs = this.native.clocks().bootNs;
    const { chains, version, notes } = this.reader.read(namespace.netns.path);
    const from = Number(this.native.clocks().bootNs);
    const others = chains.filter((chain) => !isOurs(namespace, chain));
    for (const site of namespace.sites) if (site) this.place(namespace.netns, site, others, from);
    Object.assign(namespace, { chains: others, version, notes, checkedNs });
  }

  private place(netns: Netns, site: Site, chains: readonly BaseChain[], from: number): void {
    const { family, hook, links, spans } = site;
    const brackets = links.follow(chainsAt(chains, family, hook.name));
    for (const [index, { slot, priority, before, after }] of brackets.entries()) {
      const position: HookPosition = {
        ...{ family, stage: hook.stage, netnsInum: netns.inum, index, count: brackets.length },
        ...{ priority, before, after },
      };
      spans.begin(slot, from, position);
      const where = { netnsInum: netns.inum, family: nfproto[family], hook: hook.number };
      this.placed({ ...where, slot, from, position });
    }
  }

  private refresh(listener: NetfilterListener): void {
    const there = new Set(this.devices.netns.map(({ inum }) => inum));
    for (const [inum, namespace] of this.namespaces) {
      if (there.has(inum)) continue;
      closeLinks(namespace);
      this.namespaces.delete(inum);
    }
    for (const netns of this.devices.netns) this.tryFollow(netns, listener);
  }

  private tryFollow(netns: Netns, listener: NetfilterListener): void {
    const namespace = this.namespaces.get(netns.inum);
    try {
      if (!namespace) this.add(netns);
      else if (!namespace.stale) this.follow(namespace, listener);
    } catch (error) {
      if (isGone(error)) return;
      if (!isNativeError(error) && !(error instanceof NetlinkRefused)) throw error;
      if (namespace) namespace.stale = true;
      listener.notice(
        `the netfilter hooks of ${nameOf(netns)} can no longer be followed, their chains are named as they were: ${error.message}`,
      );
    }
  }

  private follow(namespace: Namespace, listener: NetfilterListener): void {
    const { netns, chains: before, version, checkedNs: fromNs } = namespace;
    const checkedNs = this.native.clocks().bootNs;
    if (this.reader.version(netns.path) === version) {
      namespace.checkedNs = checkedNs;
      return;
    }
    this.rebuild(namespace);
    if (JSON.stringify(before) === JSON.stringify(namespace.chains)) return;
    const toNs = this.native.clocks().bootNs;
    const milliseconds = Math.ceil(Number(toNs - fromNs) / 1e6);
    const text = `the base chains of ${nameOf(netns)} changed: bracketed anew; events of the ${milliseconds} ms before may name the chains that there were`;
    listener.gap({ netnsInum: netns.inum, fromNs, toNs, text });
  }
}

const nameOf = ({ name }: Netns): string => (name === 'own' ? 'this namespace' : printable(name));

/** The kernel's list of hooks has our own links too. */
const isOurs = ({ sites }: Namespace, { owner, family, hook, priority }: BaseChain): boolean =>
  owner === 'bpf' &&
  sites.some((site) => site?.family === family && site.hook.name === hook && site.links.has(priority));

function closeLinks({ sites }: Namespace): void {
  for (const site of sites) site?.links.close();
}
