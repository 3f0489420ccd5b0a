/** Tests that may be skipped where CI=true: everything else that is skipped there counts as failed. */

export interface AllowedSkip {
  /** Matched against the test's name. */
  readonly name: RegExp;
  /** Matched against the reason it gives. */
  readonly reason: RegExp;
  readonly why: string;
}

export const allowedSkips: readonly AllowedSkip[] = [
  {
    name: /^summaries are the text that the installed tcpdump prints$/,
    reason: /^tcpdump is .*, the goldens are those of /,
    why: 'other versions of tcpdump use other words; the goldens are compared everywhere',
  },
  {
    name: /^(the task of an event|a program that interrupts itself)$/,
    reason: /^needs a second CPU/,
    why: 'on one CPU nothing can be interrupted on purpose',
  },
  {
    name: /^kernel (5\.10|newest)$/,
    reason: /^the mirror has no cloud kernel of (bullseye|trixie-backports)$/,
    why: 'mirrors drop old suites, and backports come and go; 6.1 and 6.12 have to be there',
  },
];
