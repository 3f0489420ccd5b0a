/** Puts our extcap program, and a profile, where Wireshark looks; and takes them away. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCode, TaptraceError } from '../errors.js';
import { profileFiles } from './profile.js';

/** The first line says whose it is: nothing else is overwritten or removed. */
const signature = '# taptrace: Wireshark starts it to list and watch kernel taps';
const programName = 'taptrace';
const profileName = 'taptrace';

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

function program(node: string, main: string): string {
  return `#!/bin/sh\n${signature}\nexec ${quoted(node)} ${quoted(main)} extcap "$@"\n`;
}

/** Writes the program into the first of the folders that can be written to. Returns its path. Throws TaptraceError. */
export function installProgram(folders: readonly string[], main: string): string {
  const failures: string[] = [];
  for (const folder of folders) {
    const path = join(folder, programName);
    try {
      refuseForeign(path);
      mkdirSync(folder, { recursive: true });
      writeFileSync(path, program(process.execPath, main));
      chmodSync(path, 0o755);
      return path;
    } catch (error) {
      if (error instanceof TaptraceError) throw error;
      failures.push((error as Error).message);
    }
  }
  throw new TaptraceError(
    `cannot install the extcap program: ${failures.join('; ') || 'Wireshark names no folder for it'}`,
    exitCode.failure,
    'run it as a user who may write there, or name another folder with --dir',
  );
}

/** Removes the program from every folder that has it. Returns the paths removed. Throws TaptraceError. */
export function removeProgram(folders: readonly string[]): string[] {
  const paths = folders.map((folder) => join(folder, programName)).filter((path) => existsSync(path));
  for (const path of paths) refuseForeign(path);
  for (const path of paths) remove(path);
  return paths;
}

function refuseForeign(path: string): void {
  if (!existsSync(path) || readFileSync(path, 'utf8').includes(signature)) return;
  throw new TaptraceError(
    `${path} is not from taptrace: it stays as it is`,
    exitCode.failure,
    'move it away',
  );
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true });
  } catch (error) {
    throw new TaptraceError(`cannot remove ${path}: ${(error as Error).message}`, exitCode.failure);
  }
}

/** Writes the profile beside the user's others. Returns its folder. Throws TaptraceError. */
export function installProfile(configuration: string): string {
  const folder = join(configuration, 'profiles', profileName);
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(profileFiles())) writeFileSync(join(folder, name), text);
  } catch (error) {
    throw new TaptraceError(`cannot write the profile: ${(error as Error).message}`, exitCode.failure);
  }
  return folder;
}

/** Removes the profile. Returns its folder, or undefined where there is none. Throws TaptraceError. */
export function removeProfile(configuration: string): string | undefined {
  const folder = join(configuration, 'profiles', profileName);
  if (!existsSync(folder)) return undefined;
  remove(folder);
  return folder;
}
