/** Child processes of tests: run to the end, or kept running and certain not to outlive the test. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * How many times longer than usual to wait for other processes: an emulated machine is slow (TAPTRACE_PATIENCE).
 */
const PATIENCE = Number(process.env.TAPTRACE_PATIENCE ?? 1);

/** A waiting time as it is on this machine. */
export function patient(timeoutMs: number): number {
  return timeoutMs * PATIENCE;
}

const running = new Set<ChildProcess>();
const atExit = new Set<() => void>();

/** Registers a synchronous clean-up for when this process ends early; returns how to take it back. */
export function onEarlyExit(cleanUp: () => void): () => void {
  atExit.add(cleanUp);
  return () => atExit.delete(cleanUp);
}

/** Kills every child process that still runs. */
export function killChildren(): void {
  for (const child of running) child.kill('SIGKILL');
}

process.on('exit', () => {
  killChildren();
  for (const cleanUp of atExit) cleanUp();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}

/** A running child process whose output is gathered. */
export class Child {
  readonly name: string;
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  #stdout = '';
  #stderr = '';

  constructor(argv: readonly string[], options: { onStdout?: (text: string) => void } = {}) {
    // A test that is killed cannot run its exit handlers: the kernel then ends its children.
    const [command, ...args] = ['setpriv', '--pdeathsig', 'KILL', ...argv] as [string, ...string[]];
    this.name = argv.join(' ');
    this.#process = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    running.add(this.#process);
    const gather = (text: string) => {
      this.#stdout += text;
    };
    this.#process.stdout?.setEncoding('utf8').on('data', options.onStdout ?? gather);
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#process.stdin?.on('error', () => {}); // EPIPE: the exit code tells more
    this.exited = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('close', (code, signal) => {
        running.delete(this.#process);
        resolve({ code, signal });
      });
    });
    this.exited.catch(() => running.delete(this.#process));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Everything written to standard output so far; empty where `onStdout` takes it. */
  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  endInput(input: string): void {
    this.#process.stdin?.end(input);
  }

  /** Stops reading standard output: the pipe fills. */
  pauseOutput(): void {
    this.#process.stdout?.pause();
  }

  resumeOutput(): void {
    this.#process.stdout?.resume();
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Resolves once `condition` holds; rejects when the process ends first or the time is over. */
  async until(condition: () => boolean, what: string, timeoutMs = patient(10_000)): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!condition()) {
      if (this.hasEnded) throw new Error(`${this.name}: ended before ${what}\n${this.#stderr}`);
      if (Date.now() > deadline)
        throw new Error(`${this.name}: no ${what} in ${timeoutMs} ms\n${this.#stderr}`);
      await sleep(10);
    }
  }

  /** Sends a signal and waits for the end; a process that stays is killed, and that is an error. */
  async stop(signal: NodeJS.Signals, timeoutMs = patient(10_000)): Promise<Exit> {
    this.kill(signal);
    const late = AbortSignal.timeout(timeoutMs);
    const kill = () => this.kill('SIGKILL');
    late.addEventListener('abort', kill);
    const exit = await this.exited;
    late.removeEventListener('abort', kill);
    if (late.aborted)
      throw new Error(`${this.name}: still there ${timeoutMs} ms after ${signal}\n${this.#stderr}`);
    return exit;
  }
}

/** Runs a command to its end and returns its standard output; any other exit than 0 is an error. */
export async function run(
  argv: readonly string[],
  options: { input?: string; timeoutMs?: number } = {},
): Promise<string> {
  const child = new Child(argv);
  child.endInput(options.input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? patient(30_000));
  const { code, signal } = await child.exited;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${child.name}: exit ${code ?? signal}\n${child.stderr}${child.stdout}`);
  return child.stdout;
}

/** Names of the commands that are not installed. */
export function missingCommands(names: readonly string[]): string[] {
  return names.filter((name) => {
    try {
      execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
}
