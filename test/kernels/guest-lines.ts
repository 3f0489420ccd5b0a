/** What a guest's test runner says to the host: one JSON object a line. */

/** How a test inside the guest ended. */
export interface GuestTest {
  readonly type: 'test';
  /** With the names of the suites around it. */
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly seconds: number;
  /** Of a skip. */
  readonly reason?: string;
  /** Of a failure: the message with its difference, and where. */
  readonly error?: string;
}

/** Something a test found out about the guest, to be compared or written down outside. */
export interface GuestFact {
  readonly type: 'fact';
  readonly name: string;
  readonly value: unknown;
}

/** A test file has come to its end. */
export interface GuestFile {
  readonly type: 'file';
  readonly name: string;
  /** With the start of its process. */
  readonly seconds: number;
}

/** The last line: whoever misses it has not got everything. */
export interface GuestEnd {
  readonly type: 'end';
}

export type GuestLine = GuestTest | GuestFact | GuestFile | GuestEnd;

/** Reads what a guest printed so far; a line that is still being written is left out. */
export function parseGuestLines(stdout: string): GuestLine[] {
  const complete = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as GuestLine);
}
