/**
 * The protocol between Wireshark's toolbar and us (its doc/extcap.4): a byte `T`, three of length, the number of a
 * control, a command, and what it sets or says.
 */

export const command = {
  ...{ initialized: 0, set: 1, add: 2 },
  ...{ status: 6, error: 9 },
} as const;

export interface ControlMessage {
  /** Number of the control; 255 where it is for none. */
  readonly control: number;
  readonly command: number;
  readonly text: string;
}

export const noControl = 255;
const sync = 'T'.charCodeAt(0);
const frontBytes = 4;
/** Control and command, which the length counts. */
const headBytes = 2;
const textBytesMax = 65_535 - headBytes;

export function controlBytes({ control, command: what, text }: ControlMessage): Buffer {
  const payload = Buffer.from(text).subarray(0, textBytesMax);
  const front = Buffer.alloc(frontBytes + headBytes);
  front[0] = sync;
  front.writeUIntBE(headBytes + payload.length, 1, 3);
  front[4] = control;
  front[5] = what;
  return Buffer.concat([front, payload]);
}

/** Messages out of whatever pieces a pipe gives; bytes that begin none are passed over. */
export class ControlReader {
  private held = Buffer.alloc(0);

  take(bytes: Uint8Array): ControlMessage[] {
    this.held = Buffer.concat([this.held, bytes]);
    const messages: ControlMessage[] = [];
    for (let message = this.next(); message; message = this.next()) messages.push(message);
    return messages;
  }

  private next(): ControlMessage | undefined {
    const start = this.held.indexOf(sync);
    this.held = start < 0 ? Buffer.alloc(0) : this.held.subarray(start);
    if (this.held.length < frontBytes) return undefined;
    const length = this.held.readUIntBE(1, 3);
    if (length < headBytes || length > headBytes + textBytesMax) {
      this.held = this.held.subarray(1);
      return this.next();
    }
    if (this.held.length < frontBytes + length) return undefined;
    const body = this.held.subarray(frontBytes, frontBytes + length);
    this.held = this.held.subarray(frontBytes + length);
    return { control: body[0]!, command: body[1]!, text: body.subarray(headBytes).toString('utf8') };
  }
}
