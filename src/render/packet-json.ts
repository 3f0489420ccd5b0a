/** What JSON lines say of a packet's bytes, wherever the packet is from. */
import { dissect, type PacketInput } from '../dissect/packet.js';
import { summarize } from '../dissect/summary.js';
import type { ByteWriter } from './byte-writer.js';

const absolute = { absoluteSequence: true } as const;

/** Writes its bytes, its summary and the facts of its headers, a comma in front. */
export function writePacketFacts(out: ByteWriter, packet: PacketInput): void {
  out.ascii(',"linkType":"');
  out.ascii(packet.linkType);
  out.ascii('","data":"');
  out.hex(packet.bytes, packet.offset, packet.offset + packet.capLen);
  out.ascii('","summary":');
  out.json(summarize(packet, absolute));
  const { linkSrc, linkDst, src, dst, sport, dport, proto } = dissect(packet);
  let text = '';
  if (linkSrc !== undefined) text += `,"linkSrc":"${linkSrc}","linkDst":"${linkDst}"`;
  if (src !== undefined) text += `,"src":"${src}"`;
  if (dst !== undefined) text += `,"dst":"${dst}"`;
  if (sport !== undefined) text += `,"sport":${sport}`;
  if (dport !== undefined) text += `,"dport":${dport}`;
  if (proto !== undefined) text += `,"proto":"${proto}"`;
  out.ascii(text);
}
