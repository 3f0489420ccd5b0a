/** A real reply of the kernel, against what iproute2 read of the same devices. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readLinks } from '../../../src/system/links.js';
import { linksReply, machine } from '../support/machine.js';

interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly link_type: 'ether' | 'loopback' | 'none';
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly info_kind?: string;
  /** The device below, or at the other end. */
  readonly link?: string;
  readonly xdp?: { readonly mode: number };
}

const told: readonly IpLink[] = JSON.parse(readFileSync('test/fixtures/system/links.json', 'utf8'));
const ifindexOf = (name: string | undefined) => told.find(({ ifname }) => ifname === name)?.ifindex;
const types = { ether: 1, loopback: 772, none: 65534 };
const XDP_MODE_DRV = 1;
const XDP_MODE_SKB = 2;
const IFF_UP = 1;

const links = readLinks(machine(), null);

test('every device is what iproute2 says it is', () => {
  assert.deepEqual(
    links.map(({ flags, nativeXdp: _, ...link }) => ({ ...link, up: (flags & IFF_UP) !== 0 })),
    told.map(({ ifindex, ifname, link_type, mtu, flags, master, info_kind, link, xdp }) => ({
      ifindex,
      name: ifname,
      type: types[link_type],
      mtu,
      genericXdp: xdp?.mode === XDP_MODE_SKB,
      ...(info_kind && { kind: info_kind }),
      ...(master && { master: ifindexOf(master) }),
      ...(info_kind === 'veth' && { peerIfindex: ifindexOf(link) }),
      up: flags.includes('UP'),
    })),
  );
});

test('native and generic XDP are told apart', () => {
  assert.deepEqual(
    told.filter(({ xdp }) => xdp).map(({ xdp }) => xdp?.mode),
    [XDP_MODE_SKB, XDP_MODE_DRV],
  );
  assert.deepEqual(
    links.filter(({ genericXdp }) => genericXdp).map(({ name }) => name),
    ['right'],
  );
  assert.deepEqual(
    links.filter(({ nativeXdp }) => nativeXdp !== undefined).map(({ name }) => name),
    told.filter(({ xdp }) => xdp?.mode === XDP_MODE_DRV).map(({ ifname }) => ifname),
  );
});

test('the request is a dump of all links, in the namespace that was asked for', () => {
  const asked: unknown[] = [];
  const netlink = (path: string | null, protocol: number, request: Uint8Array) => {
    asked.push(path, protocol, Buffer.from(request).toString('hex'));
    return linksReply();
  };
  readLinks(machine({ netlink }), '/run/netns/other');
  // nlmsghdr: length 32, RTM_GETLINK, NLM_F_REQUEST|NLM_F_DUMP; struct ifinfomsg: AF_UNSPEC and zeros.
  assert.deepEqual(asked, ['/run/netns/other', 0, `2000000012000103${'00'.repeat(24)}`]);
});

test('devices come by ifindex, in whatever order the kernel tells them', () => {
  const all = links.map(({ ifindex }) => ifindex);
  const only = (ifindex: number) => linksReply(all.filter((other) => other !== ifindex));
  const replies = all.toReversed().map((ifindex) => only(ifindex));
  const netlink = () => new Uint8Array(Buffer.concat(replies));
  assert.deepEqual(readLinks(machine({ netlink }), null), links);
});
