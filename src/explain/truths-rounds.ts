/** Why one packet is seen more than once, and what a tap costs it. */
import type { StepFacts } from './facts.js';
import type { Scene } from './scene.js';
import type { Truth } from './truths.js';
import { listText } from './words.js';

function loopback({ steps, onTheWay }: Scene): Truth[] {
  const sent = onTheWay.find(({ step, onLoopback }) => step.stage.id === 'tx-tap' && onLoopback);
  const received = onTheWay.find(({ step, onLoopback }) => step.stage.id === 'rx-tap' && onLoopback);
  if (!sent || !received) return [];
  const text =
    'Both taps of the loopback device see the packet, since it is sent and received there; tcpdump shows it once: libpcap leaves out the way out.';
  return [{ id: 'loopback-twice', at: steps.indexOf(received), text }];
}

/** Taps of one direction in one namespace that a packet passed one after the other, with nothing of the other way between. */
function rounds(scene: Scene): StepFacts[][] {
  const groups: StepFacts[][] = [];
  for (const one of scene.onTheWay) {
    const { stage } = one.step;
    const previous = groups.at(-1)?.at(-1);
    if (previous && previous.step.stage.direction !== stage.direction && stage.layer !== 'end')
      groups.push([]);
    if (stage.group !== 'taps') continue;
    const group = groups.at(-1);
    if (group && (group.length === 0 || group[0]!.netns === one.netns)) group.push(one);
    else groups.push([one]);
  }
  return groups;
}

function secondRound(scene: Scene): Truth[] {
  return rounds(scene).flatMap((group) => {
    const devices = [...new Set(group.map((one) => scene.device(one)))];
    if (devices.length < 2) return [];
    const at = scene.steps.indexOf(group.find((one) => scene.device(one) === devices[1])!);
    const way = group[0]!.step.stage.direction === 'rx' ? 'in' : 'out';
    const isTunnel = new Set(group.map(({ network }) => network?.tunnels)).size > 1;
    const why = isTunnel ? ', with and without its outer header' : '';
    const others = listText(devices.slice(1));
    const text = `The same packet is tapped on ${devices[0]} and again on ${others} on its way ${way}${why}: tcpdump -i any shows it ${devices.length === 2 ? 'twice' : `${devices.length} times`}.`;
    return [{ id: 'second-round', at, text }];
  });
}

function tapClone(scene: Scene): Truth[] {
  const { branches, steps } = { branches: scene.journey.branches, steps: scene.steps };
  const index = branches.findIndex((_, branch) => scene.isForTap(branch));
  const first = steps.find(({ step }) => step.branch === index);
  if (!first) return [];
  const isOurs = first.step.attachment.mechanism === 'packet_socket';
  const who = isOurs ? 'A packet socket of this trace (--arm) is' : 'A tap is';
  const text = `${who} open, so the kernel clones the packet for it on the way out; where that clone ends is not where the packet ends.`;
  return [{ id: 'armed-by-tap', at: steps.indexOf(first), text }];
}

export function roundTruths(scene: Scene): Truth[] {
  return [...loopback(scene), ...secondRound(scene), ...tapClone(scene)];
}
