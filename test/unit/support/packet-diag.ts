/** Answers of packet_diag, as net/packet/diag.c writes them on a little-endian machine. */

export interface DiagSocket {
  readonly inode: number;
  /** SOCK_DGRAM 2, SOCK_RAW 3. */
  readonly type: 2 | 3;
  readonly filter?: Uint8Array;
  readonly ring?: {
    readonly version: number;
    readonly reserve: number;
    readonly flags: number;
    readonly blockBytes: number;
    readonly frameBytes: number;
    readonly privateBytes: number;
  };
}

const words = (values: readonly number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);

function attribute(type: number, value: Uint8Array): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16LE(4 + value.length, 0);
  header.writeUInt16LE(type, 2);
  return Buffer.concat([header, value, Buffer.alloc(-value.length & 3)]);
}

function message({ inode, type, filter, ring }: DiagSocket): Buffer {
  const {
    version = 0,
    reserve = 0,
    flags = 0,
    blockBytes = 0,
    frameBytes = 0,
    privateBytes = 0,
  } = ring ?? {};
  const head = Buffer.alloc(16);
  head.set([17, type], 0);
  head.writeUInt32LE(inode, 4);
  const payload = Buffer.concat([
    head,
    attribute(0, words([2, version, reserve, 0, 0, flags])),
    ...(ring ? [attribute(2, words([blockBytes, 1, frameBytes, 1, 0, privateBytes, 0]))] : []),
    ...(filter ? [attribute(7, filter)] : []),
  ]);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + payload.length, 0);
  header.writeUInt16LE(20, 4);
  return Buffer.concat([header, payload]);
}

export function packetDiagReply(sockets: readonly DiagSocket[]): Uint8Array {
  return Buffer.concat(sockets.map(message));
}
