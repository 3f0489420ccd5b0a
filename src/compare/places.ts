/** Finds the row that an event is counted in. */

import type { RecordView } from '../decode/record.js';
import type { BaseChain } from '../netfilter/types.js';
import type { StageId } from '../stages/types.js';
import type { Names, TapEvent } from '../trace/event.js';
import { chainsKey, type OtherFamily, type Place, type Row, Rows } from './place.js';

export interface ComparisonNames extends Pick<Names, 'deviceLabel' | 'dropReason' | 'symbol' | 'stack'> {
  /** Absent where it is not known. */
  netnsName(inum: number): string | undefined;
}

/** NFPROTO_* (include/uapi/linux/netfilter.h). */
const otherFamilies: Readonly<Record<number, OtherFamily>> = { 3: 'arp', 5: 'netdev', 7: 'bridge' };

const isOnLink = ({ stage }: TapEvent): boolean =>
  stage.group === 'taps' || (stage.group !== 'netfilter' && /^(driver|link)$/.test(stage.layer));

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
    if (!record.has('netns')) return {};
    const netnsName = this.names.netnsName(record.netnsInum);
    return { netns: record.netnsInum, ...(netnsName !== undefined && { netnsName }) };
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

  /** Of an end that no hook is to blame for. */
  end({ stage, record }: TapEvent): Row {
    const netns = this.netnsOf(record);
    const facts: { reason?: string; function?: string } = {};
    if (stage.id === 'drop') {
      if (record.has('reason')) facts.reason = this.names.dropReason(record.reason);
      if (record.has('location')) facts.function = functionOf(this.names.symbol(record.location));
    }
    const key = `${stage.id} ${netns.netns} ${facts.reason} ${facts.function}`;
    return this.rows.get(key, () => ({ stage: stage.id as StageId, ...netns, ...facts }));
  }
}
