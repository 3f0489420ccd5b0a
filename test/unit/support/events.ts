/** Events of a trace made of synthetic records. */
import type { Attachment } from '../../../src/attach/plan.js';
import { decodePacket, emptyPacket } from '../../../src/decode/packet.js';
import type { HookPosition } from '../../../src/netfilter/types.js';
import { WallClock } from '../../../src/render/time.js';
import { stageById } from '../../../src/stages/lookup.js';
import type { Mechanism, StageId } from '../../../src/stages/types.js';
import type { Names, TapEvent } from '../../../src/trace/event.js';
import type { Delivery } from '../../../src/trace/verdicts.js';
import { type RecordContent, recordView } from './records.js';

export interface EventContent extends RecordContent {
  readonly stage: StageId;
  readonly mechanism?: Mechanism;
  /** Kernel function; the stage's first one when absent. */
  readonly function?: string;
  readonly late?: boolean;
  readonly hook?: HookPosition;
  readonly delivery?: Delivery;
  readonly seq?: number;
}

const attachments: Attachment[] = [];

/** The same attachment for the same stage, mechanism and function. */
function attachmentOf({ stage, mechanism = 'tp_btf', function: given }: EventContent): Attachment {
  const name = given ?? stageById(stage).functions[0]!;
  const known = attachments.find(
    (one) => one.stage === stage && one.mechanism === mechanism && one.function === name,
  );
  if (known) return known;
  const made: Attachment = {
    attachId: attachments.length,
    stage,
    mechanism,
    observed: mechanism !== 'packet_socket',
    function: name,
    target: name,
    complement: false,
    covered: false,
    seesBytes: true,
  };
  attachments.push(made);
  return made;
}

export function tapEvent(content: EventContent): TapEvent {
  const attachment = attachmentOf(content);
  const stage = stageById(content.stage);
  const record = recordView({
    ...content,
    fields: { stage: stage.number, linkType: 1, ...content.fields },
    has: ['linkType', ...(content.has ?? [])],
  });
  const packet = emptyPacket();
  decodePacket(record, packet, stage.id === 'rx-tap' && attachment.mechanism !== 'packet_socket');
  const { seq = 1, late = false, hook, delivery } = content;
  return { seq, record, packet, attachment, stage, late, hook, delivery };
}

const devices: Readonly<Record<number, string>> = { 1: 'lo', 2: 'eth0' };
const reasons: Readonly<Record<number, string>> = {
  2: 'NOT_SPECIFIED',
  3: 'NO_SOCKET',
  5: 'OTHERHOST',
  6: 'NETFILTER_DROP',
  7: 'PACKET_SOCK_ERROR',
};

const symbols: Readonly<Record<string, string>> = {
  [String(0xffffffff81234560n)]: 'nf_hook_slow+0x60',
  [String(0xffffffff81777770n)]: 'ping_rcv+0xab',
};

/** 2026-01-02T03:04:05 was 12345 s after boot. */
export const bootToWallNs = 1_767_323_045_000_000_000n - 12_345_000_000_000n;

/** Names for a machine with two devices. */
export const names: Names = {
  deviceName: (_netns, ifindex) => devices[ifindex],
  deviceLabel: (_netns, ifindex) => devices[ifindex] ?? `if${ifindex}`,
  dropReason: (value) => reasons[value] ?? `reason ${value}`,
  symbol: (address) => symbols[String(address)] ?? `0x${address.toString(16)}`,
  death: (record) => {
    if (!record.has('location')) return undefined;
    if (symbols[String(record.location)]?.startsWith('ping_rcv'))
      return { function: 'ping_rcv', stage: 'l4-rcv', position: 'in', text: 'by the transport protocol' };
    return { function: 'nf_hook_slow', text: 'in nf_hook_slow' };
  },
  showsStacks: true,
  stack: (id) => (id === 7 ? ['ip_rcv+0x10', '__netif_receive_skb+0x3c'] : []),
  comm: (record) => record.comm,
  clock: new WallClock(bootToWallNs, 12_000_000_000_000n),
};
