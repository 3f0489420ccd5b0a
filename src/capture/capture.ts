/** Capture files, as tcpdump and Wireshark write them: what a reader of one gives, whatever its format. */

export type CaptureFormat = 'pcap' | 'pcapng';

/** What packets were captured at. */
export interface CaptureInterface {
  /** Counts those of the whole file, from 0. */
  readonly id: number;
  /** LINKTYPE_ number, as registered with tcpdump.org. */
  readonly linkType: number;
  /** Bytes kept of each packet; 0: all. */
  readonly snaplen: number;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  /** Expression that chose the packets. */
  readonly filter?: string | undefined;
  readonly os?: string | undefined;
  /** The program that wrote it. */
  readonly application?: string | undefined;
}

/** A packet of the file; valid until the next one is asked for. */
export interface CapturedPacket {
  readonly at: CaptureInterface;
  /** Since the epoch; undefined where the file has none. */
  readonly time: { readonly seconds: number; readonly nanos: number } | undefined;
  /** What was captured, its link header first. */
  readonly bytes: Uint8Array;
  /** Original length. */
  readonly len: number;
  readonly comment?: string | undefined;
  /** epb_flags. */
  readonly flags?: number | undefined;
  /** Packets lost between this one and the one before it at the interface. */
  readonly dropCount?: number | undefined;
  readonly packetId?: bigint | undefined;
  readonly queue?: number | undefined;
  /** epb_verdict as it stands: its kind, then a value. */
  readonly verdict?: Uint8Array | undefined;
  readonly process?: { readonly pid: number; readonly tid: number } | undefined;
}

/** One format's reader. Errors are BrokenFile; what comes before them is whole. */
export interface CaptureReader {
  readonly format: CaptureFormat;
  /** Those described so far. */
  readonly interfaces: readonly CaptureInterface[];
  /** Packets that interfaces have lost, by the id of the interface, as far as the file tells. */
  readonly dropped: ReadonlyMap<number, number>;
  /** Undefined behind the last one. */
  next(): Promise<CapturedPacket | undefined>;
}

/** Longest block or packet that is taken for one, in bytes: libpcap's and Wireshark's own limit. */
export const blockBytesMax = 16 << 20;
