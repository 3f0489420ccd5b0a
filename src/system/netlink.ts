/** The netlink message format (linux/netlink.h), as far as dumps need it. All fields are in host byte order. */

const headerBytes = 16;
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export interface NetlinkMessage {
  readonly type: number;
  /** The message's own bytes, behind the netlink header. */
  readonly payload: DataView;
}

/** A dump request (NLM_F_REQUEST | NLM_F_DUMP) with a zeroed payload of `payloadBytes`. */
export function dumpRequest(type: number, payloadBytes: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes + payloadBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, littleEndian);
  view.setUint16(4, type, littleEndian);
  view.setUint16(6, 0x301, littleEndian);
  return bytes;
}

const align = (length: number): number => (length + 3) & ~3;

/** Splits a reply. Throws when the kernel answered with an error or a length contradicts the bytes. */
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
      if (error) throw new Error(`netlink request refused with error ${-error}`);
    } else if (type !== 3) {
      messages.push({ type, payload });
    }
    offset += align(length);
  }
  return messages;
}

/** Attributes from `start` on, by type (flag bits masked off); the last of a repeated type wins. */
export function attributes(payload: DataView, start: number): Map<number, DataView> {
  const found = new Map<number, DataView>();
  for (let offset = start; offset + 4 <= payload.byteLength; ) {
    const length = payload.getUint16(offset, littleEndian);
    if (length < 4 || offset + length > payload.byteLength) break;
    const type = payload.getUint16(offset + 2, littleEndian) & 0x3fff;
    found.set(type, new DataView(payload.buffer, payload.byteOffset + offset + 4, length - 4));
    offset += align(length);
  }
  return found;
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

export function attributeU8(value: DataView | undefined): number | undefined {
  return value && value.byteLength >= 1 ? value.getUint8(0) : undefined;
}

export { littleEndian };
