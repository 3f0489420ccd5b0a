/** Packets that no tap was shown although they were sent or received, where the stages around the tap prove it. */
import type { StageId } from '../stages/types.js';
import type { StepFacts } from './facts.js';
import type { Scene } from './scene.js';
import type { Truth } from './truths.js';

/** Before the driver, on the same device. */
const beforeDriver: ReadonlySet<StageId> = new Set([
  'nf-egress',
  'tc-egress',
  'dev-queue',
  'qdisc-enqueue',
  'qdisc-dequeue',
]);
/** Behind the tap lists of the way in, on the same device. */
const behindTaps: ReadonlySet<StageId> = new Set(['tc-ingress', 'nf-ingress', 'rx-handler', 'ip-rcv']);

const isSameDevice = (a: StepFacts, b: StepFacts): boolean =>
  a.ifindex !== undefined && a.ifindex === b.ifindex && a.netns === b.netns;

/** Another device received it, and it had left this one neither by the tap nor by the driver's door behind it. */
function onTheWayOut(scene: Scene, line: readonly StepFacts[]): Truth[] {
  if (!scene.context.watched.has('tx-tap') || !scene.context.watched.has('start-xmit')) return [];
  return line.flatMap((one, index) => {
    const next = line[index + 1];
    const isHandedOver =
      next?.step.stage.id === 'netif-rx' && next.ifindex !== undefined && !isSameDevice(one, next);
    if (!isHandedOver || !beforeDriver.has(one.step.stage.id) || one.ifindex === undefined) return [];
    const device = scene.device(one);
    const text = `It left ${device} past the taps (packet_direct_xmit, or a redirect): tcpdump on ${device} does not show it.`;
    return [{ id: 'bypassed-tx-tap', at: scene.steps.indexOf(next), text }];
  });
}

/**
 * A veth driver hands over at once, in the task that sent: what is first seen behind it, in a task's own context, went
 * there without dev_queue_xmit and xmit_one (net/packet/af_packet.c, packet_direct_xmit).
 */
function pastQueueAndTap(scene: Scene): Truth[] {
  const { steps, journey, context } = scene;
  const { watched } = context;
  const needed: readonly StageId[] = ['netif-rx', 'dev-queue', 'tx-tap', 'start-xmit'];
  const [first] = steps;
  if (first?.step.stage.id !== 'netif-rx' || !needed.every((stage) => watched.has(stage))) return [];
  if (!first.task?.inProcess || first.ifindex === undefined || journey.parents.length > 0) return [];
  const sender = context.senderTo(first.netns ?? 0, first.ifindex);
  if (!sender) return [];
  const name = scene.device(sender);
  const { comm, pid } = first.task;
  const text = `${comm}[${pid}] handed it to the driver of ${name} past queue and taps (packet_direct_xmit: PACKET_QDISC_BYPASS, AF_XDP, pktgen): tcpdump on ${name} does not show it.`;
  return [{ id: 'bypassed-tx-tap', at: 0, text }];
}

/** It was handed to the stack on a device and went on there, while the tap lists were not walked for it. */
function onTheWayIn(scene: Scene, line: readonly StepFacts[]): Truth[] {
  if (!scene.context.watched.has('rx-tap')) return [];
  return line.flatMap((one, index) => {
    const before = line[index - 1];
    const isHandedIn = before?.step.stage.id === 'netif-rx' && isSameDevice(before, one);
    if (!isHandedIn || !behindTaps.has(one.step.stage.id)) return [];
    const device = scene.device(one);
    const text = `It passed the tap lists of ${device} unseen (reinjected by tc, or from the memory reserve): tcpdump does not show it there.`;
    return [{ id: 'bypassed-rx-tap', at: scene.steps.indexOf(one), text }];
  });
}

export function bypassTruths(scene: Scene): Truth[] {
  const lines = scene.journey.branches.map((_, branch) => scene.line(branch));
  const onTheWay = lines.flatMap((line) => [...onTheWayOut(scene, line), ...onTheWayIn(scene, line)]);
  const truths = [...pastQueueAndTap(scene), ...onTheWay];
  return truths.filter(({ at }, index) => truths.findIndex((one) => one.at === at) === index);
}
