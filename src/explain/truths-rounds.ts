/** Why one packet is seen more than once, and what a tap costs it. */
import type { Direction } from '../stages/types.js';
import type { StepFacts } from './facts.js';
import type { Scene } from './scene.js';
import type { Truth } from './truths.js';
import { listText } from './words.js';

function loopback({ steps, onTheWay }: Scene): Truth[] {
  const sent = steps.find(({ step, onLoopback }) => step.stage.id === 'tx-tap' && onLoopback);
  const received = onTheWay.find(({ step, onLoopback }) => step.stage.id === 'rx-tap' && onLoopback);
  if (!sent || !received) return [];
  const text =
    'Both taps of the loopback device see the packet, since it is sent and received there; tcpdump shows it once: libpcap leaves out the way out.';
  return [{ id: 'loopback-twice', at: steps.indexOf(received), text }];
}

/** Taps of one direction in one namespace that an sk_buff passed one after the other, with nothing of the other way between. */
function roundsOf(line: readonly StepFacts[]): StepFacts[][] {
  const groups: StepFacts[][] = [];
  let way: Direction | undefined;
  for (const one of line) {
    const { direction, group, layer } = one.step.stage;
    if (layer !== 'end' && direction !== way) groups.push([]);
    if (layer !== 'end') way = direction;
    if (group !== 'taps') continue;
    const last = groups.at(-1)!;
    if (last.length === 0 || last[0]!.netns === one.netns) last.push(one);
    else groups.push([one]);
  }
  return groups;
}

function roundTruth(scene: Scene, group: readonly StepFacts[]): Truth[] {
  const devices = [...new Set(group.map((one) => scene.device(one)))];
  if (devices.length < 2) return [];
  const at = scene.steps.indexOf(group.find((one) => scene.device(one) === devices[1])!);
  const way = group[0]!.step.stage.direction === 'rx' ? 'in' : 'out';
  const isTunnel = new Set(group.map(({ network }) => network?.tunnels)).size > 1;
  const how = isTunnel ? ', with and without its outer header' : '';
  const often = devices.length === 2 ? 'twice' : `${devices.length} times`;
  const text = `The same packet is tapped on ${devices[0]} and again on ${listText(devices.slice(1))} on its way ${way}${how}: tcpdump -i any shows it ${often}.`;
  return [{ id: 'second-round', at, text }];
}

/** What a copy went through before it was made is told once. */
function secondRounds(scene: Scene): Truth[] {
  const branches = [...scene.journey.branches.keys()].filter((branch) => !scene.isForTap(branch));
  const truths = branches.flatMap((branch) =>
    roundsOf(scene.lineWithTaps(branch)).flatMap((group) => roundTruth(scene, group)),
  );
  return truths.filter(({ text }, index) => truths.findIndex((one) => one.text === text) === index);
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
  return [...loopback(scene), ...secondRounds(scene), ...tapClone(scene)];
}
