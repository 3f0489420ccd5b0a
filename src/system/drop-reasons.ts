/** Names of drop reasons, from the BTF of the kernel at hand: their numbers move from version to version. */
import type { NativeBinding } from '../native/binding.js';

/** Where the reasons of a subsystem are declared; `module` where they are not in the kernel image. */
interface Declaration {
  readonly enumName: string;
  readonly module?: string;
  readonly prefix: RegExp;
}

const mac80211: Declaration = {
  enumName: 'mac80211_drop_reason',
  module: 'mac80211',
  prefix: /^_*RX_DROP_/,
};

/** By the name in enum skb_drop_reason_subsys (include/net/dropreason.h). */
const subsystems: Readonly<Record<string, Declaration>> = {
  CORE: { enumName: 'skb_drop_reason', prefix: /^SKB_(DROP_REASON_)?/ },
  MAC80211_UNUSABLE: mac80211,
  MAC80211_MONITOR: mac80211,
  OPENVSWITCH: { enumName: 'ovs_drop_reason', module: 'openvswitch', prefix: /^OVS_DROP_/ },
  QDISC: { enumName: 'qdisc_drop_reason', prefix: /^_*QDISC_DROP_/ },
};

/** Enumerators that are no reason. */
const bounds = new Set(['SUBSYS_MASK', 'MAX']);

export class DropReasons {
  private subsystemNames: ReadonlyMap<number, string> | undefined;
  private readonly names = new Map<string, ReadonlyMap<number, string>>();

  constructor(private readonly native: Pick<NativeBinding, 'btfEnum'>) {}

  /**
   * `NETFILTER_DROP`; of a subsystem `OPENVSWITCH EXPLICIT`. A reason without a name keeps its number: `reason 200`,
   * `OPENVSWITCH 7`, or `reason 0x50001` where not even the subsystem has one.
   */
  name(value: number): string {
    const subsystem = value >>> 16;
    const owner = subsystem === 0 ? 'CORE' : this.subsystemName(subsystem);
    if (owner === undefined) return `reason 0x${value.toString(16)}`;
    const name = this.reasonsOf(owner).get(value);
    if (subsystem === 0) return name ?? `reason ${value}`;
    return `${owner} ${name ?? value & 0xffff}`;
  }

  /** Every reason by the name that `name` gives it; none where the kernel tells no reasons. */
  get all(): ReadonlyMap<string, number> {
    const values = ['CORE', ...Object.keys(subsystems)].flatMap((owner) => [...this.reasonsOf(owner).keys()]);
    return new Map(values.map((value) => [this.name(value), value]));
  }

  private subsystemName(number: number): string | undefined {
    this.subsystemNames ??= this.read('skb_drop_reason_subsys', /^SKB_DROP_REASON_SUBSYS_/);
    return this.subsystemNames.get(number);
  }

  private reasonsOf(owner: string): ReadonlyMap<number, string> {
    let names = this.names.get(owner);
    if (!names) {
      const declared = subsystems[owner];
      names = declared ? this.read(declared.enumName, declared.prefix, declared.module) : new Map();
      this.names.set(owner, names);
    }
    return names;
  }

  /** Empty where the kernel has no such enum; one that is built in is in the kernel's own BTF. */
  private read(enumName: string, prefix: RegExp, module?: string): ReadonlyMap<number, string> {
    const values =
      this.native.btfEnum(enumName) ?? (module ? this.native.btfEnum(enumName, module) : null) ?? {};
    const entries = Object.entries(values).map(([name, value]) => [value, name.replace(prefix, '')] as const);
    return new Map(entries.filter(([, name]) => !bounds.has(name)));
  }
}
