/** The questions of bpf/select.h, asked of events that are recorded already: what a record does not tell does not match. Pure. */
import { isOfTask, type RecordView } from '../decode/record.js';
import type { TapEvent } from './event.js';
import type { Mark, PacketSelection } from './packet-selection.js';

const packetOutgoing = 4;

function goes({ record, stage }: Pick<TapEvent, 'record' | 'stage'>, direction: 'in' | 'out'): boolean {
  if (stage.direction === 'rx') return direction === 'in';
  if (stage.direction === 'tx') return direction === 'out';
  return (record.packetType === packetOutgoing) === (direction === 'out');
}

const hasMark = (record: RecordView, { value, mask }: Mark): boolean =>
  record.has('mark') && (record.mark & mask) >>> 0 === value;

/** Not `reasons`, which need names, nor `sample`, which needs the whole packet. */
export function meets(
  { record, packet, stage }: Pick<TapEvent, 'record' | 'packet' | 'stage'>,
  selection: PacketSelection,
): boolean {
  const { mark, pids, comms, uids, minLen = 0, maxLen = Number.POSITIVE_INFINITY, direction } = selection;
  if (direction && !goes({ record, stage }, direction)) return false;
  if (packet.len < minLen || packet.len > maxLen) return false;
  if (mark && !hasMark(record, mark)) return false;
  if ((pids || comms) && !isOfTask(record)) return false;
  if (pids && !pids.includes(record.pid)) return false;
  if (comms && !comms.includes(record.comm)) return false;
  return !uids || (record.has('uid') && uids.includes(record.uid));
}
