/** A run as a value: its header, what it gives one after the other, its summary, and how to end it. */
import { exitCode, TaptraceError } from '../errors.js';
import type { HeaderLine, SummaryLine } from '../lines/run.js';
import { Feed } from './feed.js';

/** What drives a run: attaches or opens, gives, and comes back with the summary. */
export interface Driver<T, Header = HeaderLine, Summary = SummaryLine> {
  /** Throws where it cannot begin, or breaks down. */
  run(feed: Feed<T>, begun: (header: Header) => void): Promise<Summary>;
  /** Ends it in good order. */
  stop(): void;
}

/** Everything that leaves the library is a TaptraceError. */
export function asTaptraceError(error: unknown): TaptraceError {
  if (error instanceof TaptraceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new TaptraceError(message, exitCode.failure, undefined, { cause: error });
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Nobody has to wait for it: an error that nobody hears of here is heard of elsewhere. */
function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((...both) => {
    [resolve, reject] = both;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/**
 * A run that has begun. Iterate it once, item by item or in batches; leaving the loop, `stop()`, `await using` and the
 * signal all end it and detach everything. Errors are TaptraceErrors, thrown by the iteration, `header` and `summary`.
 *
 * A program that is slow in taking pauses the run: live, ring buffers then fill, and what they lose is in the summary.
 */
export class Run<T, Header = HeaderLine, Summary = SummaryLine> implements AsyncIterable<T>, AsyncDisposable {
  private readonly feed = new Feed<T>();
  private readonly begun = deferred<Header>();
  private readonly ended = deferred<Summary>();

  /** @internal */
  constructor(
    private readonly driver: Driver<T, Header, Summary>,
    private readonly signal?: AbortSignal,
  ) {
    void this.drive();
  }

  /** What is watched, and how; once everything is attached. */
  get header(): Promise<Header> {
    return this.begun.promise;
  }

  /** How it went, and what was lost; once it is over. */
  get summary(): Promise<Summary> {
    return this.ended.promise;
  }

  /** Items as they come, several at once: fewer promises, more speed. */
  async *batches(): AsyncGenerator<readonly T[], void, void> {
    try {
      for (let batch = await this.feed.next(); batch; batch = await this.feed.next()) yield batch;
      await this.summary;
    } finally {
      await this.stop();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for await (const batch of this.batches()) yield* batch;
  }

  /** @internal The one value that a comparison gives. */
  async last(): Promise<T> {
    let last: T | undefined;
    for await (const value of this) last = value;
    return last!;
  }

  /** Ends it in good order; resolves once everything is detached. Never throws: a failure is told by `summary`. */
  async stop(): Promise<void> {
    this.driver.stop();
    await this.summary.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private async drive(): Promise<void> {
    const { driver, feed, signal, begun, ended } = this;
    const stop = (): void => driver.stop();
    signal?.addEventListener('abort', stop);
    try {
      if (signal?.aborted)
        throw new TaptraceError('the signal was aborted before the run began', exitCode.failure);
      ended.resolve(await driver.run(feed, begun.resolve));
    } catch (error) {
      const told = asTaptraceError(error);
      begun.reject(told);
      ended.reject(told);
    } finally {
      signal?.removeEventListener('abort', stop);
      feed.end();
    }
  }
}
