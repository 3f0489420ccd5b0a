/** Why the bytes at a tap are not those on the wire. */
import { vlanText } from '../trace/notes.js';
import { checksumState, type StepFacts } from './facts.js';
import type { Scene } from './scene.js';
import type { Truth } from './truths.js';

const isTap = ({ step }: StepFacts): boolean => step.stage.group === 'taps';

function checksum({ steps, onTheWay }: Scene): Truth[] {
  const isPartial = ({ checksum: state, network }: StepFacts): boolean =>
    state === checksumState.partial && (network?.proto === 'tcp' || network?.proto === 'udp');
  const first = steps.find((one) => isTap(one) && isPartial(one));
  if (!first) return [];
  const isNeverFilled = onTheWay.some((one) => one.step.stage.direction === 'rx' && isPartial(one));
  const rest = isNeverFilled ? ' It never is: the packet does not leave this machine.' : '';
  const text =
    'The checksum is not filled in yet, since that is left to the device (CHECKSUM_PARTIAL): tcpdump calls it wrong here.';
  return [{ id: 'checksum-partial', at: steps.indexOf(first), text: text + rest }];
}

/** `65160 bytes of payload here are 45 segments of 1448 bytes`. */
function segmentsText({ gso, len, network }: StepFacts): string {
  const { size, segments } = gso!;
  const bytes = network?.payload === undefined ? `${len} bytes` : `${network.payload} bytes of payload`;
  return `${bytes} here are ${segments > 0 ? `${segments} segments` : 'segments'} of ${size} bytes`;
}

function segmentation({ steps, onTheWay }: Scene): Truth[] {
  const first = steps.find((one) => isTap(one) && one.gso);
  if (!first) return [];
  const isSent = first.step.stage.direction === 'tx';
  const isNeverCut = isSent && onTheWay.some((one) => one.step.stage.direction === 'rx' && one.gso);
  const rest = isNeverCut ? ' It never happens: the packet meets no wire.' : '';
  const text = isSent
    ? `${segmentsText(first)} on a wire: cutting them is left to the device (TSO).${rest}`
    : `${segmentsText(first)}: they were merged before the tap (GRO, or the device).`;
  return [{ id: 'gso', at: steps.indexOf(first), text }];
}

function vlanTag({ steps }: Scene): Truth[] {
  const tagged = steps.find((one) => isTap(one) && one.vlan);
  if (!tagged?.vlan) return [];
  const text = `The tag of ${vlanText(tagged.vlan)} lives in metadata here, not in the bytes; libpcap puts it back for tcpdump.`;
  return [{ id: 'vlan-metadata', at: steps.indexOf(tagged), text }];
}

export function contentTruths(scene: Scene): Truth[] {
  return [...checksum(scene), ...segmentation(scene), ...vlanTag(scene)];
}
