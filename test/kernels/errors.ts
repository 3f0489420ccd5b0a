/** What went wrong: preparing the guest, qemu itself, a guest that died every time, or one that took too long. */
export type KernelLabErrorCode = 'setup' | 'qemu' | 'panic' | 'timeout';

const consoleTailLines = 50;

/** The lab's own failure, never that of the command inside: a command's failure is a result. */
export class KernelLabError extends Error {
  override readonly name = 'KernelLabError';

  constructor(
    readonly code: KernelLabErrorCode,
    what: string,
    /** All the guest printed on its console, as far as it came. */
    readonly console = '',
  ) {
    super(console === '' ? what : `${what}\nthe guest's console ends with:\n${tail(console)}`);
  }
}

function tail(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .slice(-consoleTailLines)
    .map((line) => `  | ${line.trimEnd()}`)
    .join('\n');
}
