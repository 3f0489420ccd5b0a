/** How long a user waits: from starting the process to the first event on its output. */
import { packagePath } from '../src/native/binding.js';
import { Child } from '../test/support/process.js';

const main = packagePath('dist/bin/taptrace/main.js');

/** Milliseconds that an empty Node program takes: the floor under every start. */
export async function measureBareNodeMs(): Promise<number> {
  const startedAt = performance.now();
  await new Child(['node', '-e', '0']).exited;
  return performance.now() - startedAt;
}

/** Milliseconds to the first event line of `trace --json`, while loopback has a packet every few milliseconds. */
export async function measureStartUpMs(): Promise<number> {
  const pings = new Child(['ping', '-q', '-i', '0.005', '127.0.0.1']);
  await new Promise((resolve) => setTimeout(resolve, 200));
  try {
    const startedAt = performance.now();
    let firstEventAt: number | undefined;
    const child = new Child(['node', main, '-i', 'lo', '--json', '-c', '1'], {
      onStdout: (text) => {
        if (text.includes('"type":"event"')) firstEventAt ??= performance.now();
      },
    });
    await child.exited;
    if (firstEventAt === undefined) throw new Error(`no event\n${child.stderr}`);
    return firstEventAt - startedAt;
  } finally {
    await pings.stop('SIGINT');
  }
}
