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

function gsoText({ gso, len, step }: StepFacts, isMadeHere: boolean): string {
  const { size, segments } = gso!;
  const count = segments > 0 ? `${segments} segments` : 'segments';
  if (step.stage.direction === 'tx')
    return `${len} bytes here are ${count} of ${size} bytes on a wire: cutting them is left to the device (TSO).`;
  return isMadeHere
    ? `${len} bytes here are still ${count} of ${size} bytes: the packet met no wire for which it would have been cut.`
    : `${len} bytes here were ${count} of ${size} bytes on the wire: they were merged before the tap (GRO, or the device).`;
}

function segmentation({ steps }: Scene): Truth[] {
  const taps = steps.filter((one) => isTap(one) && one.gso);
  const first = taps[0];
  if (!first) return [];
  const later = taps.find(({ step }) => step.stage.direction !== first.step.stage.direction);
  return [first, ...(later ? [later] : [])].map((one) => ({
    id: 'gso',
    at: steps.indexOf(one),
    text: gsoText(one, steps[0]!.step.stage.direction === 'tx'),
  }));
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
