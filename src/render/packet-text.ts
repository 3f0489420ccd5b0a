/** What text of a packet has in common, wherever the packet is from: tcpdump's options, and bytes below the line. */
import { dissect, type PacketInput } from '../dissect/packet.js';
import { SequenceTracker } from '../dissect/sequences.js';
import type { SummaryOptions } from '../dissect/summary.js';
import { asciiDump, hexDump } from './hex.js';

/** tcpdump's options of the same letters; counts for repeatable ones. */
export interface TextOptions {
  readonly linkHeader: boolean;
  readonly hex: number;
  readonly hexAscii: number;
  readonly ascii: number;
  /** 0: time of day, 1 none, 2 seconds since the epoch, 3 since the last event, 4 with date, 5 since the first. */
  readonly timeFormat: number;
  readonly absoluteSequence: boolean;
  readonly quick: boolean;
  readonly verbose: number;
}

/** Those of a packet's line, with a memory for sequence numbers that belongs to one stream of packets. */
export function summaryOptions(options: TextOptions): SummaryOptions {
  const { linkHeader, absoluteSequence, quick, verbose } = options;
  const level = Math.min(verbose, 3) as 0 | 1 | 2 | 3;
  return { linkHeader, absoluteSequence, quick, verbose: level, sequences: new SequenceTracker() };
}

/**
 * Of -X, -x and -A the first one counts, as in tcpdump. Without the link header the bytes begin at the
 * network header: of 802.3 frames at their LLC header, and also where a packet is cut short (tcpdump 4.99
 * leaves out the first, and begins such a packet at its link header). `frameStart`: where its link header
 * begins, where the packet is what is behind it.
 */
export function packetBytes(packet: PacketInput, options: TextOptions, frameStart = packet.offset): string {
  const { hex, hexAscii, ascii } = options;
  const level = hexAscii || hex || ascii;
  if (!level) return '';
  const { bytes, offset, capLen } = packet;
  const start = level > 1 ? frameStart : offset + Math.min(dissect(packet).networkOffset ?? 0, capLen);
  const length = offset + capLen - start;
  if (hexAscii || hex) return hexDump(bytes, start, length, hexAscii > 0);
  return asciiDump(bytes, start, length);
}
