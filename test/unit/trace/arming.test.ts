import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PacketTap } from '../../../src/system/packet-sockets.js';
import {
  type ArmedDevice,
  armedDevices,
  armedFromElsewhere,
  armedLine,
  blindNotes,
  deliveryNotes,
  stackNotes,
  visibilityNotes,
} from '../../../src/trace/arming.js';
import { Devices } from '../../../src/trace/devices.js';
import { confidential510, v510, v612, v618, withoutSockets } from '../attach/kernels.js';
import { plan } from '../attach/requests.js';
import { elsewhere, here, machine } from '../support/machine.js';

const devices = (...words: string[]) => new Devices(machine(), [here], words);

test('a tap bound to no device taps every device, a bound one its own', () => {
  const armed = armedDevices(machine(), devices('lo', 'left', 'mv0'));
  const inodes = armed.map(({ device, by }) => [device.link.name, by.map(({ inode }) => inode)]);
  assert.deepEqual(inodes, [
    ['lo', [561516]],
    ['left', [560992, 561516]],
    ['mv0', [561516, 561627]],
  ]);
});

test('each namespace has its own taps', () => {
  const readFile = (path: string | null) =>
    new TextEncoder().encode(path === null ? 'sk\n' : 'sk\n0 3 3 0003 0 1 0 0 18446744073709551615\n');
  const both = new Devices(machine(), [here, elsewhere], ['lo']);
  const armed = armedDevices(machine({ readFile }), both);
  assert.deepEqual(
    armed.map(({ device, by }) => [device.netns.name, by.length]),
    [
      ['own', 0],
      ['blue', 1],
    ],
  );
});

const tcpdump: PacketTap = { ifindex: 0, inode: 10, owners: [{ pid: 812, comm: 'tcpdump' }] };
const nobodys: PacketTap = { ifindex: 0, inode: 11, owners: [] };
const shared: PacketTap = {
  ...tcpdump,
  inode: 12,
  owners: [...tcpdump.owners, { pid: 9, comm: 'wire\\x1bshark' }],
};

function armed(taps: Readonly<Record<string, readonly PacketTap[]>>, netns = here): ArmedDevice[] {
  const all = new Devices(machine(), [netns], Object.keys(taps)).selected;
  return all.map((device) => ({ device, by: taps[device.link.name] ?? [] }));
}

test('one line tells which devices are armed and by whom', () => {
  for (const [taps, byUs, line] of [
    [{ lo: [] }, false, 'not armed: nobody taps lo: tx-tap there shows where a packet would be tapped'],
    [{ lo: [tcpdump] }, false, 'armed: lo by tcpdump (pid 812)'],
    [{ lo: [nobodys] }, false, 'armed: lo by socket 11'],
    [{ lo: [tcpdump, tcpdump] }, false, 'armed: lo by tcpdump (pid 812)'],
    [{ lo: [shared] }, false, 'armed: lo by tcpdump (pid 812), wire\\x1bshark (pid 9)'],
    [
      { lo: [tcpdump], left: [], mv0: [] },
      false,
      'armed: lo by tcpdump (pid 812); nobody taps left, mv0: tx-tap there shows where a packet would be tapped',
    ],
    [{ lo: [] }, true, 'armed: lo by this trace'],
    [{ lo: [tcpdump], left: [] }, true, 'armed: lo by tcpdump (pid 812); lo, left by this trace'],
    [{ 'none*': [] }, false, 'armed: no device'],
    [{ 'none*': [] }, true, 'armed: no device yet by this trace'],
  ] as const)
    assert.equal(armedLine(armed(taps), byUs), line);
});

test('a device of another namespace is named with it', () => {
  assert.match(armedLine(armed({ lo: [tcpdump] }, elsewhere), false), /^armed: lo@blue by /);
});

test('devices of later rounds and generic XDP are told where RX is watched at the entry', () => {
  for (const kernel of [v510, v612, v618]) {
    const notes = visibilityNotes(plan('taps', kernel), devices());
    assert.equal(notes.length, 2);
    assert.match(notes[0]!, /^right has a generic XDP program: /);
    assert.match(notes[1]!, /^RX on mv0 \(macvlan\) is not visible here: /);
    for (const note of notes) assert.match(note, /--arm/);
  }
});

test('there is nothing to tell of devices that are not selected, where RX is not watched, or from inside the tap', () => {
  assert.deepEqual(visibilityNotes(plan('taps', v612), devices('lo', 'left', 'br0')), []);
  assert.deepEqual(visibilityNotes(plan('tx-tap,drop', v612), devices()), []);
  assert.deepEqual(visibilityNotes(plan('taps', v612, { arm: true }), devices()), []);
});

test('--arm that had to fall back is no reason to be silent', () => {
  assert.equal(visibilityNotes(plan('taps', withoutSockets, { arm: true }), devices()).length, 2);
});

test('packets without their bytes are told, and how to get them where that is possible', () => {
  const notes = (words: string, kernel: typeof v612, changes = {}) =>
    blindNotes(plan(words, kernel, changes), kernel.lockdown);
  assert.deepEqual(notes('taps,drop', v612), []);
  assert.deepEqual(notes('taps,drop', confidential510), [
    'no packet bytes at rx-tap, tx-tap, drop, lockdown=confidentiality keeps them: --arm shows them at the taps, by packet sockets',
  ]);
  assert.deepEqual(notes('drop', confidential510), [
    'no packet bytes at drop, lockdown=confidentiality keeps them',
  ]);
  assert.deepEqual(notes('taps', confidential510, { arm: true }), []);
  const refused = { ...v510, refusals: [{ mechanism: 'tp_btf', access: 'probe', reason: 'E2BIG' } as const] };
  assert.deepEqual(notes('drop', refused), [
    'no packet bytes at drop, the kernel refused the programs that read them',
  ]);
});

test('where all namespaces share one tap list, those in others who are bound to no device are named', () => {
  const taps = (native = machine()) => armedFromElsewhere(native, devices('lo'), [here, elsewhere]);
  const [note, ...others] = taps();
  assert.match(note!, /^armed from other namespaces too, .*: socket 561516 in blue$/);
  assert.deepEqual(others, []);
  assert.deepEqual(armedFromElsewhere(machine(), devices('lo'), [here]), []);
  const gone = (): never => {
    throw new Error('ENOENT');
  };
  assert.deepEqual(taps(machine({ readFile: gone })), []);
});

test('stages whose mechanism takes no stack are named with it', () => {
  assert.deepEqual(stackNotes(plan('taps,drop', v612)), []);
  assert.deepEqual(stackNotes(plan('taps,nf-input,nf-output', v612, { arm: true })), [
    'no kernel stack at rx-tap, tx-tap: a packet socket cannot take one',
    'no kernel stack at nf-input, nf-output: a netfilter link cannot take one',
  ]);
});

test('what others who tap made of packets is not told where deliveries cannot be watched', () => {
  const passedOver = [
    { mechanism: 'fentry', target: 'tpacket_rcv', reason: 'fentry is refused' },
    { mechanism: 'fentry', target: 'packet_rcv', reason: 'fentry is refused' },
    { mechanism: 'kprobe', target: 'tpacket_rcv', reason: 'no kprobes' },
  ] as const;
  const unwatched = { stage: 'delivery', reason: 'nothing works', passedOver } as const;
  const tapped = armed({ lo: [tcpdump] });
  assert.deepEqual(deliveryNotes({ watches: [unwatched] }, tapped), [
    'deliveries cannot be observed here: fentry is refused; no kprobes',
  ]);
  assert.deepEqual(deliveryNotes({ watches: [unwatched] }, armed({ lo: [] })), []);
  assert.deepEqual(deliveryNotes({ watches: [{ ...unwatched, mechanism: 'kprobe' }] }, tapped), []);
  assert.deepEqual(deliveryNotes({ watches: [] }, tapped), []);
});
