/** Which packets a trace is about, beside its filter expression: questions that the kernel answers by itself. */

export interface Mark {
  readonly value: number;
  readonly mask: number;
}

/** Every question that was asked has to be answered with yes; of several values one. */
export interface PacketSelection {
  readonly mark?: Mark;
  /** Names of drop reasons, as they were written. */
  readonly reasons?: readonly string[];
  readonly pids?: readonly number[];
  /** Names of tasks: a thread's, at most 15 bytes. */
  readonly comms?: readonly string[];
  readonly uids?: readonly number[];
  /** Bytes from the packet's first one, as `len` of an event. */
  readonly minLen?: number;
  readonly maxLen?: number;
  /** One flow of so many. */
  readonly sample?: number;
  /** Packets that come in, or that go out. */
  readonly direction?: 'in' | 'out';
}

export const asksNothing = (selection: PacketSelection): boolean => Object.keys(selection).length === 0;
