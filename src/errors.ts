/** Errors meant for the user's eyes: one clear line each, with the exit code of the contract. */

export const exitCode = { done: 0, failure: 1, usage: 2, missing: 3, loss: 4, secondInterrupt: 130 } as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/**
 * What went wrong, for programs; codes are only ever added.
 * - `usage`: an option, or options that do not go together;
 * - `filter`: the filter expression;
 * - `not-found`: there is no such interface or namespace;
 * - `recording`: the file cannot be read or is no recording; `recording-version`: it is of a newer version;
 *   `recording-damaged`: it ends in the middle or its bytes are damaged, and what lies before has been given;
 * - `rights`: a capability is missing; `kernel`: a feature of the kernel is;
 * - `memory`: a limit is too low for the ring buffers;
 * - `addon`: there is no addon for this machine, or it cannot be loaded;
 * - `failure`: anything else, with its cause.
 */
export type ErrorCode =
  | 'usage'
  | 'filter'
  | 'not-found'
  | 'recording'
  | 'recording-version'
  | 'recording-damaged'
  | 'rights'
  | 'kernel'
  | 'memory'
  | 'addon'
  | 'failure';

interface Details extends ErrorOptions {
  readonly code?: ErrorCode;
}

/** `message` says what was tried and what was wrong; `hint` what to do about it. */
export class TaptraceError extends Error {
  override readonly name: string = 'TaptraceError';
  readonly code: ErrorCode;

  /** @internal */
  constructor(
    message: string,
    /** That of the command line. */
    readonly exitCode: ExitCode,
    readonly hint?: string,
    { code = 'failure', ...options }: Details = {},
  ) {
    super(message, options);
    this.code = code;
  }
}

/** A bad option, filter, interface, namespace or file: exit code 2. */
export class UsageError extends TaptraceError {
  override readonly name = 'UsageError';
  constructor(message: string, hint?: string, code: ErrorCode = 'usage') {
    super(message, exitCode.usage, hint, { code });
  }
}

/** Rights or a kernel feature are missing: exit code 3. */
export class MissingError extends TaptraceError {
  override readonly name = 'MissingError';
  constructor(message: string, hint?: string, options: Details = {}) {
    super(message, exitCode.missing, hint, { code: 'kernel', ...options });
  }
}
