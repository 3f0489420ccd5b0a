/** Who taps what, and what of the taps cannot be seen the way this trace watches: told before the first event. */
import type { AttachPlan } from '../attach/plan.js';
import type { NativeBinding } from '../native/binding.js';
import { printable } from '../render/printable.js';
import type { Lockdown } from '../system/kernel.js';
import type { Netns } from '../system/netns.js';
import { type PacketTap, readPacketTaps } from '../system/packet-sockets.js';
import type { Device, Devices } from './devices.js';

export interface ArmedDevice {
  readonly device: Device;
  /** Taps of others on it; empty: nobody taps it. */
  readonly by: readonly PacketTap[];
}

/** The taps of others on every selected device. Call before our own sockets are opened. */
export function armedDevices(native: NativeBinding, devices: Devices): ArmedDevice[] {
  const taps = new Map<number, PacketTap[]>();
  for (const netns of devices.netns) taps.set(netns.inum, readPacketTaps(native, netns.path));
  return devices.selected.map((device) => ({
    device,
    by: (taps.get(device.netns.inum) ?? []).filter(
      ({ ifindex }) => ifindex === 0 || ifindex === device.link.ifindex,
    ),
  }));
}

const ownerText = ({ owners, inode }: PacketTap): string =>
  owners.map(({ pid, comm }) => `${comm} (pid ${pid})`).join(', ') || `socket ${inode}`;

const deviceName = ({ netns, link }: Device): string =>
  printable(netns.path === null ? link.name : `${link.name}@${netns.name}`);

/** One line: "armed: eth0 by tcpdump (pid 812); nobody taps lo". */
export function armedLine(armed: readonly ArmedDevice[], byUs: boolean): string {
  const tapped = armed.filter(({ by }) => by.length > 0);
  const free = armed.filter(({ by }) => by.length === 0);
  const parts = tapped.map(
    ({ device, by }) => `${deviceName(device)} by ${[...new Set(by.map(ownerText))].join(', ')}`,
  );
  const names = (list: readonly ArmedDevice[]): string =>
    list.map(({ device }) => deviceName(device)).join(', ');
  if (byUs) parts.push(`${names(armed) || 'no device yet'} by this trace`);
  const head = parts.length ? `armed: ${parts.join('; ')}` : '';
  if (byUs || free.length === 0) return head || 'armed: no device';
  const rest = `nobody taps ${names(free)}: tx-tap there shows where a packet would be tapped`;
  return head ? `${head}; ${rest}` : `not armed: ${rest}`;
}

/**
 * Up to 6.12 a tap that is bound to no device makes dev_queue_xmit_nit run for the devices of every namespace, and
 * refuses what is not of its own only when it is called (net/packet/af_packet.c, packet_rcv).
 */
export function armedFromElsewhere(native: NativeBinding, devices: Devices, all: readonly Netns[]): string[] {
  const watched = new Set(devices.netns.map(({ inum }) => inum));
  const owners = all
    .filter(({ inum }) => !watched.has(inum))
    .flatMap((netns) =>
      unboundTaps(native, netns).map((tap) => `${ownerText(tap)} in ${printable(netns.name)}`),
    );
  if (owners.length === 0) return [];
  return [
    `armed from other namespaces too, since this kernel has one list for all taps that are bound to no device: ${owners.join(', ')}`,
  ];
}

function unboundTaps(native: NativeBinding, { path }: Netns): PacketTap[] {
  try {
    return readPacketTaps(native, path).filter(({ ifindex }) => ifindex === 0);
  } catch {
    return []; // It is gone, or may not be entered: what it holds is then seen by its effect alone.
  }
}

/** Devices whose packets reach their tap lists only in a later round of __netif_receive_skb_core. */
const laterRoundKinds = new Set(['macvlan', 'macvtap', 'vlan', 'ipvlan', 'ipvtap', 'bond', 'team', 'hsr']);

/** What a reader has to know of RX taps that the entry of __netif_receive_skb_core cannot show. */
export function visibilityNotes(plan: AttachPlan, devices: Devices): string[] {
  const rx = plan.watches.find(({ stage }) => stage === 'rx-tap');
  if (!rx?.mechanism || rx.mechanism === 'packet_socket') return [];
  const notes: string[] = [];
  for (const device of devices.selected) {
    const { kind, genericXdp } = device.link;
    const name = deviceName(device);
    if (kind && laterRoundKinds.has(kind))
      notes.push(
        `RX on ${name} (${kind}) is not visible here: its packets reach the taps in a later round, which only a packet socket sees (--arm)`,
      );
    if (genericXdp)
      notes.push(
        `${name} has a generic XDP program: rx-tap events are from before it, so what it drops or changes a tap does not see like this (--arm watches behind it)`,
      );
  }
  return notes;
}

/** Mechanisms whose programs may not take a kernel stack. */
const withoutStack = { packet_socket: 'a packet socket', netfilter: 'a netfilter link' } as const;

/** Stages that cannot give the stacks that were asked for. */
export function stackNotes(plan: AttachPlan): string[] {
  return Object.entries(withoutStack).flatMap(([mechanism, name]) => {
    const stages = plan.watches.filter((watch) => watch.mechanism === mechanism).map(({ stage }) => stage);
    return stages.length ? [`no kernel stack at ${stages.join(', ')}: ${name} cannot take one`] : [];
  });
}

/** Stages that show packets without their bytes: because of lockdown, or since the builds that read them were refused. */
export function blindNotes({ attachments }: AttachPlan, lockdown: Lockdown): string[] {
  const blind = attachments
    .filter(({ complement, seesBytes }) => !complement && !seesBytes)
    .map(({ stage }) => stage);
  if (blind.length === 0) return [];
  const taps = blind.some((stage) => stage === 'rx-tap' || stage === 'tx-tap');
  const instead = taps ? ': --arm shows them at the taps, by packet sockets' : '';
  const why =
    lockdown === 'confidentiality'
      ? 'lockdown=confidentiality keeps them'
      : 'the kernel refused the programs that read them';
  return [`no packet bytes at ${[...new Set(blind)].join(', ')}, ${why}${instead}`];
}

/** Where others tap and nothing tells what they make of packets. */
export function deliveryNotes(
  { watches }: Pick<AttachPlan, 'watches'>,
  armed: readonly ArmedDevice[],
): string[] {
  const watch = watches.find(({ stage }) => stage === 'delivery');
  if (!watch || watch.mechanism || armed.every(({ by }) => by.length === 0)) return [];
  const reasons = [...new Set(watch.passedOver.map(({ reason }) => reason))];
  return [`deliveries cannot be observed here: ${reasons.join('; ') || watch.reason}`];
}
