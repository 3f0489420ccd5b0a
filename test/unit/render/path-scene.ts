/** Journeys of every kind for the views of `path`, and as much of a header as they read. */
import type { Journey } from '../../../src/journey/journey.js';
import type { StageId } from '../../../src/stages/types.js';
import type { Names } from '../../../src/trace/event.js';
import type { TraceHeader } from '../../../src/trace/trace.js';
import { bare, brackets, chain, frame, journeyOf, sight } from '../explain/journeys.js';
import { names } from '../support/events.js';

const tracing: readonly StageId[] = [
  'nf-output',
  'nf-prerouting',
  'nf-input',
  'netif-rx',
  'rx-tap',
  'dev-queue',
  'tx-tap',
  'start-xmit',
  'drop',
  'consume',
];

const device = (name: string, ifindex: number) => ({
  netns: { inum: 1, name: 'own', path: null },
  link: { name, ifindex },
});

/** As much of a header as the view reads. */
export const header = {
  options: {},
  names: {
    ...names,
    socketHolders: (inode) => (inode === '4711' ? [{ pid: 99, comm: 'tcpdump' }] : []),
  } satisfies Names,
  plan: {
    attachments: tracing.map((stage) => ({
      stage,
      function: stage === 'rx-tap' ? '__netif_receive_skb_core' : 'f',
    })),
  },
  armed: [
    { device: device('eth0', 2), by: [{ ifindex: 2, inode: 4711, owners: [{ pid: 99, comm: 'tcpdump' }] }] },
    { device: device('lo', 1), by: [] },
  ],
} as unknown as TraceHeader;

const inHook = { link: 1, ifindex: 1, linkType: 772 };
const lo = { ifindex: 1, linkType: 772 };
const by = { comm: 'ping', has: ['task', 'context'] as const };
const armed = { has: ['armed'] as const, is: ['armed'] as const };
const addressed = { dst: '10.0.0.9' };

/** Sent, rewritten, tapped, sent on over loopback, rewritten back, dropped by the second of two chains. */
export function story(): Journey {
  const nat = chain('OUTPUT', -100, { table: 'nat', hook: 'output' });
  const output = brackets('nf-output', [nat, chain('OUTPUT', 0, { hook: 'output' })]);
  const input = brackets('nf-input', [chain('INPUT', 0), chain('in', 10, { family: 'inet', table: 'fw' })]);
  return journeyOf([
    sight('nf-output', { ...by, data: bare(), hook: output[0]!, fields: { ...inHook, pid: 812 } }),
    sight('nf-output', { data: bare(addressed), hook: output[1]!, us: 1.2, fields: inHook }),
    sight('nf-output', { data: bare(addressed), hook: output[2]!, us: 1.5, fields: inHook }),
    sight('dev-queue', { data: frame(addressed), us: 4, fields: { ...lo, mark: 42, ipSummed: 3 } }),
    sight('tx-tap', {
      data: frame(addressed),
      us: 5.5,
      fields: { ...lo, mark: 42, ipSummed: 3 },
      has: ['armed'],
    }),
    sight('netif-rx', { data: frame(addressed), us: 7, fields: { ...lo, mark: 42, ipSummed: 3, cpu: 1 } }),
    sight('rx-tap', {
      data: frame(addressed),
      us: 9,
      fields: { ...lo, mark: 42, ipSummed: 3, cpu: 1 },
      has: ['armed'],
    }),
    sight('nf-input', {
      data: bare(addressed),
      hook: input[0]!,
      us: 11,
      fields: { ...lo, link: 1, mark: 42, ipSummed: 3, cpu: 1 },
    }),
    sight('nf-input', {
      data: bare(addressed),
      hook: input[1]!,
      us: 12,
      fields: { ...lo, link: 1, mark: 42, ipSummed: 3, cpu: 1 },
    }),
    sight('drop', {
      data: frame(addressed),
      us: 14.123,
      has: ['reason', 'location', 'stack'],
      fields: { ...lo, mark: 42, ipSummed: 3, cpu: 1, reason: 6, location: 0xffffffff81234560n, stackId: 7 },
    }),
  ]);
}

/** The same with what nft told of the hook that it died in. */
export function ruled(): Journey {
  const journey = story();
  const common = { family: 'inet', table: 'fw' } as const;
  journey.steps.find(({ stage }) => stage.id === 'nf-input')!.rules = [
    { ...common, chain: 'tr', handle: 4, verdict: 'drop', text: 'udp dport 2000 comment \u001b[31m drop' },
    { ...common, chain: 'in', verdict: 'accept' },
  ];
  return journey;
}

/** Received by a tap, a clone and relatives; no end seen, and a guess. */
export function branched(): Journey {
  const encapsulated = frame({ src: '192.0.2.1', dst: '192.0.2.2', protocol: 4, payload: bare() });
  return journeyOf(
    [
      sight('rx-tap', armed),
      sight('delivery', {
        branch: 1,
        has: ['socketInode', 'aux'],
        fields: { socketInode: 4711n, aux: 1n },
        delivery: { result: 'taken', takenBytes: 34 },
      }),
      sight('delivery', { branch: 1, has: ['socketInode', 'aux'], fields: { socketInode: 5n, aux: 3n } }),
      sight('nf-prerouting', { has: ['verdict'], fields: { verdict: 1 } }),
      sight('dev-queue', { data: encapsulated, us: 1500, guess: 'known by its content alone' }),
    ],
    {
      branches: [{ kind: 'packet' }, { kind: 'clone', from: 0 }],
      parents: [
        { packet: 3, how: 'fragment' },
        { packet: 4, how: 'fragment' },
      ],
      children: [{ packet: 20, how: 'gso-segment', guess: 'the same flow as a large datagram' }],
      closed: 'idle',
    },
  );
}
