/** Errors meant for the user's eyes: one clear line each, with the exit code of the contract. */

export const exitCode = { done: 0, failure: 1, usage: 2, missing: 3, loss: 4, secondInterrupt: 130 } as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** `message` says what was tried and what was wrong; `hint` what to do about it. */
export class TaptraceError extends Error {
  override readonly name: string = 'TaptraceError';
  constructor(
    message: string,
    readonly exitCode: ExitCode,
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A bad option, filter, interface, namespace or file: exit code 2. */
export class UsageError extends TaptraceError {
  override readonly name = 'UsageError';
  constructor(message: string, hint?: string) {
    super(message, exitCode.usage, hint);
  }
}

/** Rights or a kernel feature are missing: exit code 3. */
export class MissingError extends TaptraceError {
  override readonly name = 'MissingError';
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, exitCode.missing, hint, options);
  }
}
