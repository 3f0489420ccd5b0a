/**
 * What went wrong: preparing the guest, a kernel that the mirror no longer has, qemu itself, a guest that died
 * every time, or one that took too long.
 */
export type KernelLabErrorCode = 'setup' | 'unavailable' | 'qemu' | 'panic' | 'timeout';

/** What a guest had written when it ended. */
export interface GuestOutput {
  /** What the kernel printed. */
  readonly console: string;
  readonly stdout: string;
  readonly stderr: string;
}

const consoleTailLines = 50;
const noOutput: GuestOutput = { console: '', stdout: '', stderr: '' };

/** The lab's own failure, never that of the command inside: a command's failure is a result. */
export class KernelLabError extends Error {
  override readonly name = 'KernelLabError';

  constructor(
    readonly code: KernelLabErrorCode,
    what: string,
    /** As far as it came. */
    readonly output: GuestOutput = noOutput,
  ) {
    super(
      output.console === ''
        ? what
        : `${what}\nthe guest's console ends with:\n${consoleTail(output.console)}`,
    );
  }
}

/** The last lines of a console, set off from other text. */
export function consoleTail(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .slice(-consoleTailLines)
    .map((line) => `  | ${line.trimEnd()}`)
    .join('\n');
}
