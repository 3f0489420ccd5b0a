/** Gives up the capabilities that a running trace no longer needs. */
import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { hooksWatched } from '../attach/netfilter.js';
import { type Attachment, type AttachPlan, armsDevices } from '../attach/plan.js';
import { isNativeError, type NativeBinding, type NativeSession } from '../native/binding.js';
import { printable } from '../render/printable.js';
import { type Capability, capabilityNumber } from '../system/kernel.js';
import type { Netns } from '../system/netns.js';
import { capabilitiesToKeep, type KeptCapability, type LaterWork } from './rights.js';

export interface DroppedRights {
  readonly kept: readonly KeptCapability[];
  /** Why not everything else is gone; absent: it is. */
  readonly failure?: string;
}

const executeForOthers = 0o1;

/** Whether a directory on the way is closed to this user but for a capability. */
function isBehindClosedDirectory(path: string): boolean {
  const isClosed = (directory: string): boolean => {
    const { mode, uid } = statSync(directory);
    return uid !== process.geteuid!() && (mode & executeForOthers) === 0;
  };
  try {
    for (let at = dirname(realpathSync(path)); at !== '/'; at = dirname(at)) if (isClosed(at)) return true;
  } catch {
    // It has gone since it was found: nothing is left to look for.
  }
  return false;
}

const isOfProcess = (path: string): boolean => path.startsWith('/proc/');

/** A program that has to be told its namespace is loaded once for each (attach/session.ts, arm). */
const knowsOnlyItsSocket = ({ program }: Attachment): boolean => program?.access === 'context';

/** What this trace will still do. */
export function laterWork(
  plan: AttachPlan,
  namespaces: { readonly all: boolean; readonly list: readonly Netns[] },
  session: Pick<NativeSession, 'mapsNeedCapability'>,
  listensToRules: boolean,
): LaterWork {
  const paths = namespaces.list.flatMap(({ path }) => (path === null ? [] : [path]));
  const { all } = namespaces;
  return {
    armsDevices: armsDevices(plan),
    entersNetns: all || paths.length > 0,
    looksAtProcesses: all || paths.some(isOfProcess),
    asksPacketSockets: plan.attachments.some(({ stage }) => stage === 'delivery'),
    searchesDirectories: paths.some((path) => !isOfProcess(path) && isBehindClosedDirectory(path)),
    bracketsChains: hooksWatched(plan.attachments).length > 0,
    listensToRules,
    mapsNeedCapability: session.mapsNeedCapability(),
    loadsPrograms: (all || paths.length > 0) && plan.attachments.some(knowsOnlyItsSocket),
  };
}

/** Drops everything else in every thread, for good. Never throws: what could not be done is told. */
export function dropRights(
  native: NativeBinding,
  held: readonly Capability[],
  work: LaterWork,
): DroppedRights {
  const kept = capabilitiesToKeep(held, work);
  try {
    const left = native.dropCapabilities(kept.map(({ name }) => capabilityNumber(name)));
    if (left.length === 0) return { kept };
    const threads = left.map(({ tid, name }) => `${printable(name)} (${tid})`).join(', ');
    return { kept, failure: `capabilities could not be dropped in the threads ${threads}` };
  } catch (error) {
    if (!isNativeError(error)) throw error;
    return { kept, failure: `capabilities could not be dropped: ${error.message}` };
  }
}
