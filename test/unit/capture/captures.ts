/** Capture files for tests: pcapng in either byte order, and what our reader makes of a file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { CaptureInterface } from '../../../src/capture/capture.js';
import {
  CaptureReading,
  type CaptureSummary,
  type ShownPacket,
} from '../../../src/capture/capture-reading.js';
import type { CaptureQuestions } from '../../../src/capture/capture-selection.js';
import type { Place } from '../../../src/capture/place.js';
import { InputFile } from '../../../src/record/input-file.js';
import { CaptureText } from '../../../src/render/capture-text.js';
import type { TextOptions } from '../../../src/render/packet-text.js';
import { options as plainText } from '../support/texts.js';

/** A folder that is removed when the tests of the file are over. */
export function scratch(): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
  after(() => rmSync(directory, { recursive: true }));
  return (name) => join(directory, name);
}

/** A packet as it was shown, kept. */
export interface Kept {
  readonly id: number;
  readonly linkType: number;
  /** Seconds with nine digits; undefined: none. */
  readonly time: string | undefined;
  readonly len: number;
  readonly bytes: string;
  readonly shown: Omit<ShownPacket, 'packet'>;
  readonly text: string;
}

export interface Captured {
  readonly packets: Kept[];
  readonly interfaces: { readonly at: CaptureInterface; readonly place: Place }[];
  readonly notices: string[];
  readonly summary: CaptureSummary;
}

const kept = (shown: ShownPacket, text: string): Kept => {
  const { captured } = shown;
  const { at, time, len, bytes } = captured;
  const seconds = time && `${time.seconds}.${String(time.nanos).padStart(9, '0')}`;
  const hex = Buffer.from(bytes).toString('hex');
  return { id: at.id, linkType: at.linkType, time: seconds, len, bytes: hex, shown: { ...shown }, text };
};

/** Reads a whole file; throws what opening it throws. */
export async function captured(
  path: string,
  { snaplen = 262144, ...asked }: Partial<CaptureQuestions> & { snaplen?: number } = {},
  text: Partial<TextOptions> = {},
): Promise<Captured> {
  const input = InputFile.open(path);
  try {
    const reading = await CaptureReading.open(input, { interfaces: [], ...asked }, snaplen);
    const lines = new CaptureText({ ...plainText, ...text });
    const [packets, interfaces, notices]: [Kept[], Captured['interfaces'], string[]] = [[], [], []];
    const summary = await reading.run({
      begin: () => undefined,
      interface: (at, place) => {
        lines.interface(place);
        interfaces.push({ at, place });
      },
      packet: (shown) => packets.push(kept(shown, lines.render(shown).replace(/\n$/, ''))),
      flush: () => undefined,
      isCongested: false,
      notice: (notice) => notices.push(notice),
    });
    return { packets, interfaces, notices, summary };
  } finally {
    input.close();
  }
}

type Part = { u16: number } | { u32: number } | { u64: bigint } | Uint8Array | string;
type Option = readonly [code: number, value: Part];

const padded = (bytes: Uint8Array): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);

/** Makes blocks of pcapng, as the draft says, in one byte order. */
export class Pcapng {
  constructor(private readonly isLittle: boolean) {}

  private part(part: Part): Uint8Array {
    if (typeof part === 'string') return Buffer.from(part);
    if (part instanceof Uint8Array) return part;
    const bytes = Buffer.alloc('u16' in part ? 2 : 'u32' in part ? 4 : 8);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if ('u16' in part) view.setUint16(0, part.u16, this.isLittle);
    else if ('u32' in part) view.setUint32(0, part.u32, this.isLittle);
    else view.setBigUint64(0, part.u64, this.isLittle);
    return bytes;
  }

  private options(options: readonly Option[]): Uint8Array {
    if (options.length === 0) return Buffer.alloc(0);
    const all = options.flatMap(([code, value]) => {
      const bytes = this.part(value);
      return [this.part({ u16: code }), this.part({ u16: bytes.length }), padded(bytes)];
    });
    return Buffer.concat([...all, Buffer.alloc(4)]);
  }

  block(type: number, parts: readonly Part[], options: readonly Option[] = []): Buffer {
    const body = padded(Buffer.concat([...parts.map((part) => this.part(part)), this.options(options)]));
    const length = this.part({ u32: 12 + body.length });
    return Buffer.concat([this.part({ u32: type }), length, body, length]);
  }

  section(options: readonly Option[] = []): Buffer {
    const version = [{ u16: 1 }, { u16: 0 }];
    return this.block(0x0a0d0d0a, [{ u32: 0x1a2b3c4d }, ...version, { u64: 2n ** 64n - 1n }], options);
  }

  interface(linkType: number, snaplen: number, options: readonly Option[] = []): Buffer {
    return this.block(1, [{ u16: linkType }, { u16: 0 }, { u32: snaplen }], options);
  }

  packet(
    id: number,
    ticks: bigint,
    data: Uint8Array,
    options: readonly Option[] = [],
    len = data.length,
  ): Buffer {
    const head = [{ u32: id }, ...this.ticks(ticks), { u32: data.length }, { u32: len }];
    return this.block(6, [...head, padded(data)], options);
  }

  oldPacket(id: number, drops: number, ticks: bigint, data: Uint8Array): Buffer {
    const head = [
      { u16: id },
      { u16: drops },
      ...this.ticks(ticks),
      { u32: data.length },
      { u32: data.length },
    ];
    return this.block(2, [...head, padded(data)]);
  }

  simplePacket(data: Uint8Array, len = data.length): Buffer {
    return this.block(3, [{ u32: len }, padded(data)]);
  }

  statistics(id: number, ticks: bigint, options: readonly Option[]): Buffer {
    return this.block(5, [{ u32: id }, ...this.ticks(ticks)], options);
  }

  private ticks(ticks: bigint): Part[] {
    return [{ u32: Number(ticks >> 32n) }, { u32: Number(ticks & 0xffffffffn) }];
  }
}

/** A classic pcap file in any variant. */
export function pcap(
  { isLittle = true, magic = 0xa1b2c3d4, linkType = 1, extra = 0 },
  packets: readonly { seconds: number; ticks: number; bytes: Uint8Array; len?: number }[],
): Buffer {
  const header = Buffer.alloc(24);
  const view = new DataView(header.buffer, header.byteOffset, 24);
  view.setUint32(0, magic, isLittle);
  view.setUint16(4, 2, isLittle);
  view.setUint16(6, 4, isLittle);
  view.setUint32(16, 262144, isLittle);
  view.setUint32(20, linkType, isLittle);
  const records = packets.map(({ seconds, ticks, bytes, len }) => {
    const head = Buffer.alloc(16 + extra);
    const fields = new DataView(head.buffer, head.byteOffset, 16);
    for (const [index, value] of [seconds, ticks, bytes.length, len ?? bytes.length].entries())
      fields.setUint32(4 * index, value, isLittle);
    return Buffer.concat([head, bytes]);
  });
  return Buffer.concat([header, ...records]);
}
