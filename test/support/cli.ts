/** taptrace run to its end, and what it said. */
import { Child, type Exit, patient } from './process.js';
import { tracerCommand } from './tracer.js';

export interface Said {
  readonly exit: Exit;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line that ends by itself. */
export async function runToEnd(argv: readonly string[], timeoutMs = patient(20_000)): Promise<Said> {
  const child = new Child(argv, {});
  child.endInput('');
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const exit = await child.exited;
  clearTimeout(timer);
  return { exit, stdout: child.stdout, stderr: child.stderr };
}

/** Runs taptrace with these arguments. */
export function runTaptrace(args: readonly string[], timeoutMs?: number): Promise<Said> {
  return runToEnd([...tracerCommand(), ...args], timeoutMs);
}

/** Runs taptrace by a shell line in which "$@" stands for it and its arguments. */
export function runInShell(line: string, args: readonly string[]): Promise<Said> {
  return runToEnd(['bash', '-c', line, 'bash', ...tracerCommand(), ...args]);
}

/** Lines of stderr, without the program's name in front of each. */
export function linesSaid({ stderr }: { readonly stderr: string }): string[] {
  const lines = stderr.split('\n').slice(0, -1);
  return lines.map((line) => {
    if (!line.startsWith('taptrace: ')) throw new Error(`a line that does not say who speaks: ${line}`);
    return line.slice('taptrace: '.length);
  });
}
