/** What a selection is to the programs: constants, and the keys of sets (bpf/select.h, bpf/follow.h). Pure. */
import { stages } from '../stages/table.js';
import type { Direction } from '../stages/types.js';
import type { PacketSelection } from '../trace/packet-selection.js';

export interface KernelSelection {
  /** Of every program. */
  readonly constants: Readonly<Record<string, number>>;
  /** Keys by the name of the map. */
  readonly sets: Readonly<Record<string, readonly Uint8Array[]>>;
}

export interface SelectionRequest {
  readonly selection: PacketSelection;
  /** Numbers of the drop reasons that the selection names. */
  readonly reasons: readonly number[];
  /** Packets that matched once are wanted until their end. */
  readonly follow: boolean;
  /** Packets that do not match are told as well. */
  readonly lookBack: boolean;
}

/** Of four addresses each; a packet has two, that of its sk_buff and that of its memory. 2 MiB. */
export const followSets = 16384;
const commBytes = 16;
const directions = { in: 1, out: 2 } as const;

/** A bit for each stage that packets pass only in this direction. */
function stagesThatGo(direction: Direction): number {
  return stages
    .filter((stage) => stage.direction === direction)
    .reduce((sum, { number }) => sum + 2 ** number, 0);
}

function asKeys(numbers: readonly number[] = []): Uint8Array[] {
  return numbers.map((value) => new Uint8Array(new Uint32Array([value]).buffer));
}

function commKey(name: string): Uint8Array {
  const key = new Uint8Array(commBytes);
  new TextEncoder().encodeInto(name, key);
  return key;
}

export function kernelSelection(request: SelectionRequest): KernelSelection {
  const { selection, reasons, follow, lookBack } = request;
  const { mark, pids, comms, uids, minLen, maxLen, sample, direction } = selection;
  return {
    constants: {
      ...(mark && { select_mark: 1, mark_value: mark.value, mark_mask: mark.mask }),
      ...(minLen !== undefined && { min_len: minLen }),
      ...(maxLen !== undefined && { max_len: maxLen }),
      ...(sample !== undefined && { sample_flows: sample }),
      ...(selection.reasons && { select_reasons: 1 }),
      ...(pids && { select_pids: 1 }),
      ...(comms && { select_comms: 1 }),
      ...(uids && { select_uids: 1 }),
      ...(direction && {
        select_direction: directions[direction],
        stages_in: stagesThatGo('rx'),
        stages_out: stagesThatGo('tx'),
      }),
      ...(follow && { follow_sets: followSets }),
      ...(lookBack && { look_back: 1 }),
    },
    sets: {
      selected_reasons: asKeys(reasons),
      selected_pids: asKeys(pids),
      selected_comms: (comms ?? []).map(commKey),
      selected_uids: asKeys(uids),
    },
  };
}
