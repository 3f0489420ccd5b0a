/** The vocabulary of the stage table. Words and ids are those of the project's contract. */

/** Stage ids: a contract; JSON, options and recordings name stages by these. */
export type StageId =
  | 'xdp'
  | 'gro'
  | 'netif-rx'
  | 'rx-tap'
  | 'tc-ingress'
  | 'nf-ingress'
  | 'rx-handler'
  | 'ip-rcv'
  | 'nf-prerouting'
  | 'nf-input'
  | 'nf-forward'
  | 'l4-rcv'
  | 'sock-queue'
  | 'delivery'
  | 'nf-output'
  | 'ip-output'
  | 'nf-postrouting'
  | 'nf-egress'
  | 'tc-egress'
  | 'dev-queue'
  | 'qdisc-enqueue'
  | 'qdisc-dequeue'
  | 'tx-tap'
  | 'start-xmit'
  | 'xmit-done'
  | 'drop'
  | 'consume';

/** How a stage can be watched. */
export type Mechanism =
  | 'fentry'
  | 'fexit'
  | 'kprobe'
  | 'kretprobe'
  | 'tp_btf'
  | 'raw_tp'
  | 'packet_socket'
  | 'netfilter'
  | 'tcx'
  | 'cgroup_skb'
  | 'xdp'
  | 'inferred'
  | 'counted';

export type Direction = 'rx' | 'tx' | 'forward' | 'unknown';

/** Groups that --stages accepts beside ids. */
export type StageGroup = 'taps' | 'netfilter' | 'path' | 'all';

/**
 * Where the bytes of a packet begin at a stage:
 * - `mac-header`: at the MAC header, which lies before skb->data (way in, after eth_type_trans);
 * - `data`: at skb->data (way out, once the neighbour layer has written the MAC header);
 * - `detect`: wherever the outermost header is that the skb still knows (ends of packets).
 */
export type FrameStart = 'mac-header' | 'data' | 'detect';

/** The program of a rung: how it is called in which BPF object. */
export interface RungProgram {
  readonly object: string;
  readonly name: string;
  /** Another program that goes with it, at the return of the function. */
  readonly onReturn?: string;
  /** It follows pointers that nothing but a probe read can. */
  readonly byProbeOnly?: boolean;
  /** One program serves all netfilter stages: the function that it watches runs the hooks of each. */
  readonly allHooks?: boolean;
  /** It watches a BPF program of a device, and is loaded for each such program when that is found. */
  readonly ofDevices?: boolean;
}

/** One rung of a stage's ladder: one way to watch it. */
export interface Rung {
  readonly mechanism: Mechanism;
  /** Kernel function or tracepoint the program hangs on; for `inferred`, the neighbour that proves it. */
  readonly target: string;
  /**
   * All functions of a stage that is in several, `target` among them. Each gets a program of its own; those that the
   * kernel does not have (a module that is not loaded) are left out.
   */
  readonly targets?: readonly string[];
  /**
   * Of an `inferred` rung without a program: the stages behind this one that a packet cannot reach without having
   * passed it. No event is made for it; where one of them is watched, the stage counts as inferred.
   */
  readonly provedBy?: readonly StageId[];
  /** BPF object (bpf/<object>.bpf.c) and the program in it; absent where none is needed: proved by other stages, or counted. */
  readonly program?: RungProgram;
  /** Position of the `struct sk_buff *` among the target's arguments. */
  readonly skbArgument?: number;
  /** Why this rung is worse than the one before, or what it changes in the system, in one sentence. */
  readonly remark?: string;
}

/** One row of the stage table. */
export interface Stage {
  /** Stable number: written into records. Never reused, never renumbered. */
  readonly number: number;
  readonly id: StageId;
  /** Short human title. */
  readonly title: string;
  /** Layer of the stack: link, network, transport, socket, or end. */
  readonly layer: 'driver' | 'link' | 'network' | 'transport' | 'socket' | 'end';
  readonly direction: Direction;
  /** Whether the stage belongs to the groups `taps` and `netfilter`; `path` and `all` are derived. */
  readonly group?: 'taps' | 'netfilter';
  /** False for gro and delivery, which `path` leaves out. */
  readonly inPath: boolean;
  /** Kernel functions where the stage is, the first one names it. */
  readonly functions: readonly string[];
  /** The function inside which the stage's tracepoint fires, where it differs from functions[0]. */
  readonly tracepointInside?: string;
  readonly frameStart: FrameStart;
  /** Mechanisms from best to fallback. */
  readonly ladder: readonly Rung[];
  /** The rung that sees every packet of the stage and is attached behind a better one, for what that does not see. */
  readonly backstop?: Mechanism;
  /** What the kernel has already done to a packet that reaches this stage, in path order. */
  readonly before: readonly string[];
  /** What still lies ahead, in path order. */
  readonly after: readonly string[];
  /** What somebody who watches here sees, and does not see: full sentences. */
  readonly sees: string;
  readonly misses: string;
  /** Kernel source file of functions[0]. */
  readonly source: string;
}
