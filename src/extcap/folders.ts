/** Where the installed Wireshark looks for extcap programs and profiles: it says so itself. */
import { spawnSync } from 'node:child_process';
import { exitCode, TaptraceError } from '../errors.js';

export interface WiresharkFolders {
  /** The first is the user's own, where there is one. */
  readonly extcap: readonly string[];
  readonly configuration: string;
}

/** Asks tshark or wireshark. Throws TaptraceError where neither is installed. */
export function wiresharkFolders(): WiresharkFolders {
  for (const program of ['tshark', 'wireshark']) {
    const { status, stdout } = spawnSync(program, ['-G', 'folders'], { encoding: 'utf8', timeout: 20_000 });
    if (status === 0) return foldersIn(stdout);
  }
  throw new TaptraceError(
    'cannot ask Wireshark where it looks: neither tshark nor wireshark is installed',
    exitCode.failure,
    'install one of them, or name the folder with --dir',
  );
}

/** Since 4.2 there are two: `Personal Extcap path` and `Global Extcap path`; before, `Extcap path`, which is global. */
export function foldersIn(listing: string): WiresharkFolders {
  const folders = listing.split('\n').flatMap((line) => {
    const [, name, path] = /^([^:]+):\s+(\S.*)$/.exec(line) ?? [];
    return name && path ? [{ name, path: path.trim() }] : [];
  });
  const called = (name: RegExp) => folders.filter((one) => name.test(one.name)).map(({ path }) => path);
  return {
    extcap: [...called(/^personal extcap path/i), ...called(/^(global )?extcap path/i)],
    configuration: called(/^personal configuration/i)[0] ?? '',
  };
}
