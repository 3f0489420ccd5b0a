/** The netlink message format (linux/netlink.h), as far as dumps need it. Header fields are in host byte order. */

/** Protocols of netlink sockets. */
export const netlinkProtocol = { route: 0, sockDiag: 4, netfilter: 12 } as const;

const headerBytes = 16;
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export interface NetlinkMessage {
  readonly type: number;
  /** The message's own bytes, behind the netlink header. */
  readonly payload: DataView;
}

function request(type: number, flags: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerBytes + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, littleEndian);
  view.setUint16(4, type, littleEndian);
  view.setUint16(6, flags, littleEndian);
  bytes.set(payload, headerBytes);
  return bytes;
}

/** A dump request (NLM_F_REQUEST | NLM_F_DUMP) with this payload, or a zeroed one of so many bytes. */
export function dumpRequest(type: number, payload: Uint8Array | number): Uint8Array {
  return request(type, 0x301, typeof payload === 'number' ? new Uint8Array(payload) : payload);
}

/** A request for one answer (NLM_F_REQUEST | NLM_F_ACK: the acknowledgement behind it ends the exchange); payload as above. */
export function singleRequest(type: number, payload: Uint8Array | number): Uint8Array {
  return request(type, 0x5, typeof payload === 'number' ? new Uint8Array(payload) : payload);
}

function numberAttribute(type: number, value: number, isLittleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, bytes.length, littleEndian);
  view.setUint16(2, type, littleEndian);
  view.setUint32(4, value, isLittleEndian);
  return bytes;
}

/** An attribute with a number in host byte order. */
export function u32Attribute(type: number, value: number): Uint8Array {
  return numberAttribute(type, value, littleEndian);
}

/** An attribute with a number in network byte order. */
export function be32Attribute(type: number, value: number): Uint8Array {
  return numberAttribute(type, value, false);
}

const align = (length: number): number => (length + 3) & ~3;

/** The kernel's answer is an error. */
export class NetlinkRefused extends Error {
  constructor(readonly errno: number) {
    super(`netlink request refused with error ${errno}`);
  }
}

/** Splits a reply. Throws NetlinkRefused, or Error where a length contradicts the bytes. */
export function parseMessages(reply: Uint8Array): NetlinkMessage[] {
  const view = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let offset = 0; offset + headerBytes <= view.byteLength; ) {
    const length = view.getUint32(offset, littleEndian);
    if (length < headerBytes || offset + length > view.byteLength) throw new Error('damaged netlink reply');
    const type = view.getUint16(offset + 4, littleEndian);
    const payload = new DataView(view.buffer, view.byteOffset + offset + headerBytes, length - headerBytes);
    if (type === 2) {
      const error = payload.getInt32(0, littleEndian);
      if (error) throw new NetlinkRefused(-error);
    } else if (type !== 3) {
      messages.push({ type, payload });
    }
    offset += align(length);
  }
  return messages;
}

/** Attributes from `start` on, in order, with their types (flag bits masked off). */
export function attributeList(payload: DataView, start: number): [type: number, value: DataView][] {
  const found: [number, DataView][] = [];
  for (let offset = start; offset + 4 <= payload.byteLength; ) {
    const length = payload.getUint16(offset, littleEndian);
    if (length < 4 || offset + length > payload.byteLength) break;
    const type = payload.getUint16(offset + 2, littleEndian) & 0x3fff;
    found.push([type, new DataView(payload.buffer, payload.byteOffset + offset + 4, length - 4)]);
    offset += align(length);
  }
  return found;
}

/** The same by type; the last of a repeated type wins. */
export function attributes(payload: DataView, start: number): Map<number, DataView> {
  return new Map(attributeList(payload, start));
}

export function attributeText(value: DataView | undefined): string | undefined {
  if (!value) return undefined;
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

export function attributeU32(value: DataView | undefined): number | undefined {
  return value && value.byteLength >= 4 ? value.getUint32(0, littleEndian) : undefined;
}

/** nfnetlink's numbers are in network byte order. */
export function attributeBe32(value: DataView | undefined): number | undefined {
  return value && value.byteLength >= 4 ? value.getUint32(0) : undefined;
}

/** Exact below 2^53. */
export function attributeBe64(value: DataView | undefined): number | undefined {
  return value && value.byteLength >= 8 ? Number(value.getBigUint64(0)) : undefined;
}

export function attributeU8(value: DataView | undefined): number | undefined {
  return value && value.byteLength >= 1 ? value.getUint8(0) : undefined;
}

export { littleEndian };
