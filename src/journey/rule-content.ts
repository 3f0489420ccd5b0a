/**
 * The bytes by which a message of nft's tracing and an event of ours are known to be of the same packet: what
 * nf_trace_fill_pkt_info copies of its headers (net/netfilter/nf_tables_trace.c).
 */
import { dissect, type PacketInput, readableEnd } from '../dissect/packet.js';

const networkBytesMax = 40;
const transportBytesMax = 20;
/** Hop-by-hop, routing, fragment, authentication, destination: where the transport header begins is not looked for. */
const extensions = new Set([0, 43, 44, 51, 60]);

const text = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');

/** Where the transport header begins, from the network header; undefined where extension headers are between. */
function transportOffset(bytes: Uint8Array, networkAt: number): number | undefined {
  if (bytes[networkAt]! >> 4 === 4) return (bytes[networkAt]! & 15) * 4;
  return extensions.has(bytes[networkAt + 6]!) ? undefined : 40;
}

/** Of a message's headers. */
export function contentOfHeaders(network: Uint8Array, transport: Uint8Array | undefined): string {
  const hasTransport = network.length > 0 && transportOffset(network, 0) !== undefined;
  const carried = transport && hasTransport ? text(transport, 0, transport.length) : '';
  return text(network, 0, network.length) + carried;
}

/** Of an event; undefined where it is no IP packet, or too few of its bytes were captured. */
export function contentOfPacket(packet: PacketInput): string | undefined {
  const { networkOffset } = dissect(packet);
  if (networkOffset === undefined) return undefined;
  const { bytes, offset, len } = packet;
  const networkAt = offset + networkOffset;
  const captured = readableEnd(packet);
  if (networkAt + 20 > captured) return undefined;
  const transport = transportOffset(bytes, networkAt);
  const networkBytes = Math.min(transport ?? networkBytesMax, networkBytesMax);
  const transportAt = networkAt + (transport ?? networkBytes);
  const carried =
    transport === undefined ? 0 : Math.min(transportBytesMax, Math.max(0, offset + len - transportAt));
  if (Math.max(networkAt + networkBytes, transportAt + carried) > captured) return undefined;
  return text(bytes, networkAt, networkAt + networkBytes) + text(bytes, transportAt, transportAt + carried);
}
