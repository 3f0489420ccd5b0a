/** Finds the row that an event is counted in. */

import type { RecordView } from '../decode/record.js';
import type { BaseChain } from '../netfilter/types.js';
import type { UnreachedChains } from '../netfilter/unreached.js';
import type { Death } from '../stages/death.js';
import type { StageId } from '../stages/types.js';
import type { Names, TapEvent } from '../trace/event.js';
import type { XdpProgram } from '../trace/xdp-keeper.js';
import { chainsKey, type OtherFamily, type Place, type Row, Rows } from './place.js';

export interface ComparisonNames extends Pick<Names, 'deviceLabel' | 'dropReason' | 'symbol'> {
  /** Where a dropped packet died; undefined where the kernel does not tell. */
  death(record: RecordView): Death | undefined;
  /** The base chain of a hook that no event tells of, where a packet of the device can have met no other. */
  onlyChain: UnreachedChains['only'];
  deviceName(netnsInum: number, ifindex: number): string | undefined;
  /** Whether both devices are ports of one bridge. */
  areBridged(netnsInum: number, a: number, b: number): boolean;
  /** Absent where it is not known, or the device has none. */
  xdpProgram(netnsInum: number, ifindex: number): XdpProgram | undefined;
  /** Absent where it is not known. */
  netnsName(inum: number): string | undefined;
}

/** NFPROTO_* (include/uapi/linux/netfilter.h). */
const otherFamilies: Readonly<Record<number, OtherFamily>> = { 3: 'arp', 5: 'netdev', 7: 'bridge' };

const isOnLink = ({ stage }: TapEvent): boolean =>
  stage.group === 'taps' || (stage.group !== 'netfilter' && /^(driver|link)$/.test(stage.layer));

const programText = ({ id, name }: XdpProgram): string => `id ${id}${name === undefined ? '' : `, ${name}`}`;

/** `nf_hook_slow` of `nf_hook_slow+0x60 [module]`. */
export const functionOf = (symbol: string): string => symbol.replace(/[+ ].*$/, '');

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

export class Places {
  private readonly rows = new Rows();
  /** Rows by what an event carries, without making a key: by stage, namespace, device or family. */
  private readonly byNumbers: Map<number, Map<number, Row>>[] = [];
  /** Positions give the same chains again and again. */
  private readonly byChains = new WeakMap<readonly BaseChain[], Map<Row, Row>>();

  constructor(private readonly names: ComparisonNames) {}

  get all(): Row[] {
    return this.rows.all;
  }

  private netnsOf(record: RecordView): Pick<Place, 'netns' | 'netnsName'> {
    return record.has('netns') ? this.netns(record.netnsInum) : {};
  }

  private netns(netns: number): Pick<Place, 'netns' | 'netnsName'> {
    const netnsName = this.names.netnsName(netns);
    return { netns, ...(netnsName !== undefined && { netnsName }) };
  }

  /** The native XDP program of a device. */
  xdp(netns: number, ifindex: number, known = this.names.xdpProgram(netns, ifindex)): Row {
    return this.rows.get(`xdp ${netns} ${ifindex}`, () => ({
      ...{ stage: 'xdp', ...this.netns(netns), ifindex },
      device: this.names.deviceLabel(netns, ifindex),
      ...(known && { program: programText(known) }),
    }));
  }

  /** The row of a stage: of a device on the link layer, of the family of a hook. */
  at(event: TapEvent): Row {
    const { stage, record } = event;
    const onLink = isOnLink(event) && record.has('ifindex');
    const detail = onLink ? record.ifindex : record.has('hook') ? record.nfFamily : 0;
    const netns = record.has('netns') ? record.netnsInum : 0;
    this.byNumbers[stage.number] ??= new Map();
    const ofNetns = getOrMake(this.byNumbers[stage.number]!, netns, () => new Map<number, Row>());
    return getOrMake(ofNetns, detail, () => this.make(event, onLink));
  }

  private make({ stage, record }: TapEvent, onLink: boolean): Row {
    const netns = this.netnsOf(record);
    if (onLink) {
      const { ifindex, netnsInum } = record;
      if (stage.id === 'xdp') return this.xdp(netnsInum, ifindex);
      return this.rows.get(`${stage.id} ${netns.netns} ${ifindex}`, () => ({
        ...{ stage: stage.id, ...netns, ifindex },
        device: this.names.deviceLabel(netnsInum, ifindex),
      }));
    }
    const family = record.has('hook') ? otherFamilies[record.nfFamily] : undefined;
    return this.rows.get(`${stage.id} ${netns.netns} ${family}`, () => ({
      ...{ stage: stage.id, ...netns },
      ...(family && { family }),
    }));
  }

  /** The row of chains in a hook; undefined where there are none. */
  chains(hook: Row, chains: readonly BaseChain[]): Row | undefined {
    if (chains.length === 0) return undefined;
    const ofHooks = this.byChains.get(chains) ?? new Map<Row, Row>();
    this.byChains.set(chains, ofHooks);
    return getOrMake(ofHooks, hook, () => {
      const { stage, netns, family } = hook.place;
      const key = `${stage} ${netns} ${family} ${chainsKey(chains)}`;
      return this.rows.get(key, () => ({ ...hook.place, chains }));
    });
  }

  /** A hook that no event was made at: what is known of it comes from a packet that died there. */
  hookOf({ record }: TapEvent, stage: StageId, family: OtherFamily | undefined): Row {
    const netns = this.netnsOf(record);
    const key = `${stage} ${netns.netns} ${family}`;
    return this.rows.get(key, () => ({ stage, ...netns, ...(family && { family }) }));
  }

  /** The chain of such a hook, where one alone is registered there: nothing else can have dropped a packet. */
  onlyChain({ record }: TapEvent, hook: Row): Row | undefined {
    const { stage, family } = hook.place;
    if (!family || !record.has('netns')) return undefined;
    const device = record.has('ifindex')
      ? this.names.deviceName(record.netnsInum, record.ifindex)
      : undefined;
    const chain = this.names.onlyChain(record.netnsInum, stage, family, device);
    if (!chain) return undefined;
    const chains = [chain];
    const key = `${stage} ${record.netnsInum} ${family} ${chainsKey(chains)}`;
    return this.rows.get(key, () => ({ ...hook.place, chains }));
  }

  consumed({ record }: TapEvent): Row {
    const netns = this.netnsOf(record);
    return this.rows.get(`consume ${netns.netns}`, () => ({ stage: 'consume', ...netns }));
  }

  /** Of a drop that no hook is to blame for. */
  dropped({ record }: TapEvent, death: Death | undefined): Row {
    const netns = this.netnsOf(record);
    const reason = record.has('reason') ? this.names.dropReason(record.reason) : undefined;
    const key = `drop ${netns.netns} ${reason} ${death?.function} ${death?.text}`;
    return this.rows.get(key, () => ({
      ...{ stage: 'drop', ...netns },
      ...(reason !== undefined && { reason }),
      ...(death && { function: death.function, died: death.text }),
      ...(death?.stage && { diedAt: death.stage }),
    }));
  }
}
