/** What looks like a loss, or like another packet, and is neither. */

import { durationText } from '../compare/duration.js';
import { isTaken, takenVerdict } from '../journey/verdict.js';
import { isPingOriginal } from '../stages/death.js';
import { anyOfChains, chainsAhead, isNextBracket } from './chains.js';
import { packetType, type StepFacts } from './facts.js';
import type { Scene } from './scene.js';
import type { Truth } from './truths.js';

/** net/core/netfilter.c, nf_hook_slow: 0 says that somebody took the packet. */
const stolen = 0;

function retransmission({ journey }: Scene): Truth[] {
  return journey.parents
    .filter(({ how }) => how === 'retransmission')
    .map(({ packet }) => ({
      id: 'retransmission',
      text: `TCP sends the bytes of packet ${packet} once more: a retransmission, which tcpdump shows as a packet of its own.`,
    }));
}

/** Kernels before 5.17 give no reason: the function that drops such frames first of all, and what they are, do. */
function isDroppedAsOthers({ step, reason, death, packetType: type }: StepFacts): boolean {
  if (step.stage.id !== 'drop') return false;
  if (reason !== undefined) return reason === 'OTHERHOST';
  return (
    type === packetType.otherHost &&
    /^(ip_rcv_core|ip_rcv|ip6_rcv_core|ipv6_rcv)$/.test(death?.function ?? '')
  );
}

/** A bridge takes frames for other hosts all day: only IP, which drops them, makes it a matter to explain. */
function otherHost({ steps }: Scene): Truth[] {
  const at = steps.findIndex(isDroppedAsOthers);
  if (at < 0) return [];
  const text =
    'Its MAC address is that of another host: only a promiscuous device and its taps take it, IP drops it (OTHERHOST).';
  return [{ id: 'other-host', at, text }];
}

/** An ICMP message that is freed, since its clone went to the socket. */
export function isFreedPing(scene: Scene, end: StepFacts): boolean {
  const { reason, death, network, step } = end;
  if (!isPingOriginal(reason, death)) return false;
  const isIcmp = network === undefined || network.proto === 'icmp' || network.proto === 'icmp6';
  const isTaken = scene.journey.branches.some(({ from, kind }) => from === step.branch && kind === 'clone');
  return isIcmp && isTaken;
}

function pingSocket(scene: Scene): Truth[] {
  const at = scene.steps.findIndex((one) => isFreedPing(scene, one));
  if (at < 0) return [];
  const text =
    'A raw or ping socket took a clone of this ICMP message; that the original is then freed with NO_SOCKET is normal, nothing was lost.';
  return [{ id: 'ping-clone', at, text }];
}

function passesAgain(scene: Scene, one: StepFacts): boolean {
  const own = scene.steps.filter(
    ({ step }) => step.branch === one.step.branch && step.stage.id === 'nf-prerouting',
  );
  return own.indexOf(one) > 0;
}

/** A packet that netfilter took and that went on all the same. */
function givenBack(scene: Scene): Truth[] {
  return scene.steps.flatMap((one, at): Truth[] => {
    if (one.step.stage.group !== 'netfilter' || one.verdict !== stolen) return [];
    const next = scene.steps
      .slice(at + 1)
      .find(({ step }) => step.branch === one.step.branch && step.stage.layer !== 'end');
    if (!next) return [];
    if (one.step.stage.id === 'nf-prerouting' && passesAgain(scene, one)) {
      const text =
        'br_netfilter has run PRE_ROUTING for it already, so the second pass takes it off and goes on itself (ip_sabotage_in): stolen here is no loss.';
      return [{ id: 'ip-sabotage-in', at, text }];
    }
    const waited = durationText(next.step.atNs - one.step.atNs);
    return [
      {
        id: 'queued',
        at,
        text: `Netfilter took it off at ${one.step.stage.id} and it came back ${waited} later: it was queued (NFQUEUE).`,
      },
    ];
  });
}

/** Between two brackets: only the program that holds the queue goes on with it, in a task of its own. */
function queuedByChain(scene: Scene): Truth[] {
  return scene.journey.branches.flatMap((_, branch) => {
    const line = scene.line(branch);
    return line.flatMap((one, index): Truth[] => {
      const before = line[index - 1];
      if (!before || !isNextBracket(before.step, one.step)) return [];
      if (one.task?.inProcess !== true || before.task === undefined || one.task.pid === before.task.pid)
        return [];
      const waited = durationText(one.step.atNs - before.step.atNs);
      const { comm, pid } = one.task;
      const text = `${anyOfChains(chainsAhead(before.step))} queued it (NFQUEUE); ${comm}[${pid}] gave it back ${waited} later.`;
      return [{ id: 'queued', at: scene.steps.indexOf(one), text }];
    });
  });
}

const takenHow = {
  ...{
    aborted: 'dropped it with an error',
    drop: 'dropped it',
    tx: 'sent it back',
    redirect: 'redirected it',
  },
} as const;

function takenByXdp(scene: Scene): Truth[] {
  return scene.steps.flatMap((one, at): Truth[] => {
    if (!isTaken(one.step.stage, one.verdict)) return [];
    const how = takenHow[takenVerdict(one.verdict!)];
    const device = scene.device(one);
    const text = `The XDP program of ${device} ${how} before it was a packet there: no tap on ${device} can show it.`;
    return [{ id: 'xdp', at, text }];
  });
}

export function fateTruths(scene: Scene): Truth[] {
  return [
    ...takenByXdp(scene),
    ...retransmission(scene),
    ...otherHost(scene),
    ...givenBack(scene),
    ...queuedByChain(scene),
    ...pingSocket(scene),
  ];
}
