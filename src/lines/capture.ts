/** Lines of `read FILE --json` where the file is a pcap or pcapng file: such files know packets, but not where in the kernel. */
import type { Mechanism, StageId } from '../stages/types.js';
import type { EndReason } from '../trace/trace.js';

/** The first line. */
export interface CaptureLine {
  readonly type: 'capture';
  /** Version of these lines: keys are only ever added to it. */
  readonly schema: 1;
  /** Version of taptrace. */
  readonly taptrace: string;
  readonly format: 'pcap' | 'pcapng';
  readonly filter?: string;
}

/** What packets were captured at; before the first of them. */
export interface CaptureInterfaceLine {
  readonly type: 'interface';
  /** Counts those of the file from 0. */
  readonly id: number;
  /** LINKTYPE_ number, as registered with tcpdump.org. */
  readonly linkType: number;
  /** Bytes kept of each packet; 0: all. */
  readonly snaplen: number;
  readonly ifname?: string;
  /** Of files that taptrace wrote, as the keys behind it. */
  readonly stage?: StageId;
  readonly function?: string;
  readonly mechanism?: Mechanism;
  readonly observed?: boolean;
  readonly netns?: number;
  readonly description?: string;
  /** Expression that chose the packets. */
  readonly filter?: string;
  readonly os?: string;
  /** The program that wrote it. */
  readonly application?: string;
}

/** One packet. A key whose value is not known is absent. */
export interface CapturedPacketLine {
  readonly type: 'packet';
  /** Counts those shown from 1. */
  readonly seq: number;
  /** Wall-clock time (UTC) with nanoseconds. */
  readonly time?: string;
  /** `id` of its interface. */
  readonly interface: number;
  readonly stage?: StageId;
  readonly netns?: number;
  /** The device's number on the machine that captured it, where its link header has it. */
  readonly ifindex?: number;
  readonly ifname?: string;
  readonly direction?: 'rx' | 'tx';
  /** Number of the packet; of files that taptrace wrote its journey's. */
  readonly packetId?: string;
  /** Packets lost between this one and the one before it at the interface. */
  readonly dropCount?: number;
  readonly queue?: number;
  readonly pid?: number;
  readonly tid?: number;
  /** Bytes of the packet, without a link header that is none of Ethernet's. */
  readonly len: number;
  /** Bytes of it in `data`. */
  readonly capLen: number;
  readonly linkType: 'ethernet' | 'raw' | 'unknown';
  /** The bytes in hexadecimal. */
  readonly data: string;
  /** As `tcpdump -nn` prints it. */
  readonly summary: string;
  readonly linkSrc?: string;
  readonly linkDst?: string;
  readonly src?: string;
  readonly dst?: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly proto?: string;
  readonly comment?: string;
}

/** The last line. */
export interface CaptureSummaryLine {
  readonly type: 'capture-summary';
  /** Packets shown. */
  readonly packets: number;
  readonly filteredOut: number;
  /** Packets whose bytes ended before the filter could decide, or of a link type that it cannot be asked of. */
  readonly undecided: number;
  /** Packets that the capture lost, as far as the file tells; absent where it tells nothing. */
  readonly dropped?: number;
  /** Why it ended. */
  readonly reason: EndReason;
}
