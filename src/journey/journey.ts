/** A journey: one packet's events in order, and how it is related to other packets. */
import type { Step } from './step.js';

/**
 * One sk_buff of a packet. The first branch is the packet as it was first seen; a clone for the taps, or a bridge that
 * floods, makes another one.
 */
export interface Branch {
  readonly kind: 'packet' | 'tap-clone' | 'clone' | 'copy';
  /** Index of the branch it was made from; absent for the first. */
  readonly from?: number;
  /** Its drop or consume event; absent where no end was seen. */
  end?: Step;
}

/** How two packets belong together. */
export interface Relation {
  /** Number of the other packet. */
  readonly packet: number;
  readonly how: 'gso-segment' | 'fragment' | 'reassembly' | 'gro-merge' | 'retransmission';
  /** Which segment or fragment of its packet, counted from 1, where sequence number or offset tell. */
  readonly part?: number;
  /** Why it is believed, where addresses and content do not prove it. */
  readonly guess?: string;
}

/**
 * Why nothing more is added: all its branches ended; this host's transport took it, whose end has no tracepoint (TCP
 * data that is read); it became part of another packet; a later packet took its memory before an end was seen; it was
 * silent for long; too many were open; the run stopped.
 */
export type CloseReason = 'ended' | 'delivered' | 'merged' | 'replaced' | 'idle' | 'limit' | 'stopped';

export interface Journey {
  /** Counts packets from 1. */
  readonly packet: number;
  /** In order of time. */
  readonly steps: readonly Step[];
  readonly branches: readonly Branch[];
  /** Packets it was made from. */
  readonly parents: readonly Relation[];
  /** Packets made from it. */
  readonly children: readonly Relation[];
  readonly closed: CloseReason;
}
