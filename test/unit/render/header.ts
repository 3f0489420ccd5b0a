/** The header and the summary of a trace that never ran. */
import type { KernelFeatures } from '../../../src/attach/features.js';
import type { PlanRequest } from '../../../src/attach/plan.js';
import type { PacketTap } from '../../../src/system/packet-sockets.js';
import { SymbolTable } from '../../../src/system/symbols.js';
import { visibilityNotes } from '../../../src/trace/arming.js';
import { Devices } from '../../../src/trace/devices.js';
import { KernelNames } from '../../../src/trace/kernel-names.js';
import type { Ledger } from '../../../src/trace/ledger.js';
import { TraceNames } from '../../../src/trace/names.js';
import type { TraceHeader, TraceSummary } from '../../../src/trace/trace.js';
import { plan, request } from '../attach/requests.js';
import { bootToWallNs } from '../support/events.js';
import { here, machine } from '../support/machine.js';

const tcpdump: PacketTap = { ifindex: 3, inode: 560992, owners: [{ pid: 812, comm: 'tcpdump' }] };
const someone: PacketTap = { ifindex: 0, inode: 561516, owners: [] };

/** A trace of some devices: tcpdump taps left, and somebody mv0. */
export function headerOf(
  words: string,
  kernel: KernelFeatures,
  changes: Partial<PlanRequest> = {},
): TraceHeader {
  const native = machine();
  const devices = new Devices(native, [here], ['right', 'left', 'mv0']);
  const made = plan(words, kernel, changes);
  const { stages, arm, observeOnly, mechanisms } = request(words, changes);
  return {
    options: {
      ...{
        stages,
        arm,
        observeOnly,
        mechanisms,
        interfaces: devices.words,
        netns: [],
        snaplen: 256,
        ringBytes: 1 << 23,
      },
      ...{ filter: 'udp', stacks: false, failOnLoss: false, lineBuffered: false },
    },
    features: kernel,
    plan: made,
    devices,
    armed: devices.selected.map((device) => ({
      device,
      by: device.link.name === 'left' ? [tcpdump] : device.link.name === 'mv0' ? [someone] : [],
    })),
    notes: visibilityNotes(made, devices),
    names: new TraceNames(new KernelNames(native, undefined as never, devices, SymbolTable.parse('')), {
      ...{ wallOffsetNs: bootToWallNs, bootNs: 0n },
    }),
    xdp: { programAt: () => undefined },
  };
}

export const noLoss: Ledger = {
  lost: { ring: 0, recursion: 0, user: 0 },
  lostByStage: { 'rx-tap': { ring: 0, recursion: 0 }, 'tx-tap': { ring: 0, recursion: 0 } },
  complete: true,
};

export function summaryOf(changes: Partial<TraceSummary> = {}): TraceSummary {
  return {
    ...{
      reason: 'asked',
      events: 1234,
      filteredOut: 0,
      undecided: 0,
      late: 0,
      forgotten: 0,
      seconds: 1.96,
      ledger: noLoss,
      notWatched: [],
      counted: [],
    },
    ringHighWater: { bytes: 4096, ofBytes: 1 << 23 },
    ...changes,
  };
}
