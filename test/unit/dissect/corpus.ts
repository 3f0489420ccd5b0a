/**
 * The packets of test/fixtures/dissect, what tcpdump printed of them, and how the two texts are compared.
 *
 * Whole texts are compared. The exceptions are the deliberate differences that src/dissect/summary.ts names;
 * each is a rule below, and the tests pin how many packets of a fixture need one.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { PacketInput } from '../../../src/dissect/packet.js';
import { SequenceTracker } from '../../../src/dissect/sequences.js';
import { type SummaryOptions, summarize } from '../../../src/dissect/summary.js';
import { PCAP_LINKTYPE, type PcapPacket, readPcap } from '../../support/pcap.js';

/** Tests run from the project root; compiled tests have no fixtures beside them. */
export const FIXTURES = resolve('test/fixtures/dissect');

/** Variants of goldens: the suffix of the file, tcpdump's flags, and the same as options. */
export const VARIANTS: Readonly<Record<string, { flags: readonly string[]; options: SummaryOptions }>> = {
  '': { flags: [], options: {} },
  '.e': { flags: ['-e'], options: { linkHeader: true } },
  '.S': { flags: ['-S'], options: { absoluteSequence: true } },
  '.q': { flags: ['-q'], options: { quick: true } },
  '.v': { flags: ['-v'], options: { verbose: 1 } },
};

/** Names of all fixtures, without their suffix. */
export function fixtureNames(): string[] {
  const files = readdirSync(FIXTURES).filter((file) => file.endsWith('.pcap'));
  assert.ok(files.length > 10, `fixtures in ${FIXTURES}`);
  return files.map((file) => file.slice(0, -'.pcap'.length)).sort();
}

export function fixturePath(name: string): string {
  return join(FIXTURES, `${name}.pcap`);
}

export function fixture(name: string): PcapPacket[] {
  return [...readPcap(readFileSync(fixturePath(name)))];
}

export function inputOf(packet: PcapPacket): PacketInput {
  const { bytes, capLen, len } = packet;
  return {
    bytes,
    offset: 0,
    capLen,
    len,
    linkType: packet.linkType === PCAP_LINKTYPE.raw ? 'raw' : 'ethernet',
  };
}

/** The summaries of a capture, read in order with one memory of sequence numbers. */
export function summaries(packets: readonly PcapPacket[], options: SummaryOptions): string[] {
  const sequences = new SequenceTracker();
  return packets.map((packet) => summarize(inputOf(packet), { ...options, sequences }));
}

/** tcpdump's output, one text a packet: lines that begin with blanks or tabs belong to the one before. */
export function splitOutput(output: string): string[] {
  const texts: string[] = [];
  for (const line of output.replace(/\n$/, '').split('\n')) {
    if (texts.length > 0 && /^(\t| {4})/.test(line)) texts[texts.length - 1] += `\n${line}`;
    else texts.push(line);
  }
  return texts;
}

/** Summaries have no hex dumps. */
function withoutDump(text: string): string {
  return text.replace(/\n\t\s*0x[0-9a-f]{4}: {2}.*/g, '');
}

/** Nor the colon or blank that leads to one, even where there is nothing to dump. */
function withoutLeadIn(text: string): string {
  return text.replace(/:? $/, '');
}

/** Protocols that are only named, with what tcpdump prints in front of its decoding. */
const NAMED_ONLY = new RegExp(
  `(?:^|(?<= ))(?:${[
    'Appletalk',
    'CDP',
    'CFM',
    'DCCP',
    'DN',
    'EAPOL',
    'EGP',
    'IGRP',
    'IPX',
    'LLDP',
    'Loopback',
    'Mobile IP',
    'MPCP',
    'OSI',
    'PGM',
    'PPP',
    'PPPoE [DS]',
    'PTP',
    'RSVP',
    'TIPC',
    '802\\.1AE MACsec',
  ].join('|')}), length \\d+$`,
);

/** Ports whose payload tcpdump decodes, of those that the fixtures have. */
const UDP_APPLICATIONS = new Set([
  53, 67, 69, 123, 137, 161, 319, 320, 514, 520, 1701, 1812, 4500, 5353, 5060,
]);
const TCP_APPLICATIONS = new Set([22, 80]);

/** What is only begun: tcpdump's text goes on where the summary ends. */
const BEGUN = [
  /mobility: [A-Za-z]+$/,
  /igmp (?:dvmrp|pimv1)(?=(?: bad igmp cksum [0-9a-f]+!)?$)/,
  /(?:OSPFv\d, [-A-Za-z ]+, length \d+|VRRPv\d, .*)$/,
  /ICMP6, (?:who-are-you re(?:quest|ply)|router renumbering|RPL)(?=(?:, length \d+)?$)/,
];

/** With -v tcpdump says these in another order, so only what stands before them is compared. */
const REORDERED = /(?:PIMv2, .*|EIGRP .*)$/;

/** The part of a summary that has to be the beginning of tcpdump's text, or undefined where all has to be the same. */
function commonHead(summary: string): string | undefined {
  for (const rule of [NAMED_ONLY, REORDERED]) if (rule.test(summary)) return summary.replace(rule, '');
  for (const rule of BEGUN) {
    const begun = rule.exec(summary);
    if (begun) return summary.slice(0, begun.index + begun[0].length);
  }
  const ports = /\.(\d+) > [0-9a-f.:]+\.(\d+): /.exec(summary)?.slice(1).map(Number) ?? [];
  if (ports.some((port) => TCP_APPLICATIONS.has(port))) return summary;
  const udp = /UDP, (?:bad )?length [\d >]+$/.exec(summary);
  return udp && ports.some((port) => UDP_APPLICATIONS.has(port)) ? summary.slice(0, udp.index) : undefined;
}

/** Asserts that a summary is what tcpdump printed; answers whether a rule had to help. */
export function assertSame(summary: string, printed: string, where: string): boolean {
  const expected = withoutDump(printed);
  if (summary === expected || summary === withoutLeadIn(expected)) return false;
  // A mark for a cut inside what is not decoded follows after another blank.
  const head = commonHead(summary)?.trimEnd();
  if (head !== undefined) {
    assert.equal(expected.slice(0, head.length), head, where);
    return true;
  }
  assert.equal(summary, expected, where);
  return false;
}
