/** Numbers and sizes on the command line. Every failure is a UsageError that names the option. */
import { tapRecordBytes } from '../decode/layout.generated.js';
import { UsageError } from '../errors.js';

export const snaplenMax = 262144;
const pageBytes = 4096;
const ringBytesMax = 1 << 30;
/** A record's fixed header and the room left for link headers, see bpf/tap.h. */
const recordOverheadBytes = tapRecordBytes + 8 + 256;

export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} ${text}: wants a whole number from ${least} to ${most}`);
}

/** -s: 0 stands for whole packets, as in tcpdump. */
export function snaplen(text: string): number {
  return wholeNumber('--snaplen', text, 0, snaplenMax) || snaplenMax;
}

export function seconds(option: string, text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0 && value <= 1e6) return value;
  throw new UsageError(`${option} ${text}: wants a number of seconds above 0`);
}

/** `4096` is KiB as in tcpdump's -B; K, M and G may be said. */
function bytesOf(option: string, text: string): number {
  const parts = /^(\d+)([KMG]?)(i?B)?$/i.exec(text);
  const unit = { K: 1 << 10, M: 1 << 20, G: 1 << 30 }[(parts?.[2] || 'K').toUpperCase()]!;
  const value = parts ? Number(parts[1]) * unit : Number.NaN;
  if (value > 0 && value <= ringBytesMax) return value;
  throw new UsageError(`${option} ${text}: wants a size such as 4096 (KiB), 512K or 16M, at most 1G`);
}

/** -C: millions of bytes as in tcpdump, or with K, M or G (KiB, MiB, GiB). */
export function fileBytes(text: string): number {
  const parts = /^(\d+)([KMG]?)$/i.exec(text);
  const unit = { '': 1e6, K: 1 << 10, M: 1 << 20, G: 1 << 30 }[(parts?.[2] ?? '').toUpperCase()]!;
  const value = parts ? Number(parts[1]) * unit : Number.NaN;
  if (value > 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new UsageError(`-C ${text}: wants millions of bytes, or a size such as 512K or 2G`);
}

/** The size classes of bpf/tap.h, size_class(). */
function largestRecordBytes(snaplenBytes: number): number {
  const room = [96, 256, 512, 2048, 16384, 65600].find((size) => snaplenBytes + 4 <= size) ?? snaplenMax + 8;
  return room + recordOverheadBytes;
}

const powerOfTwoFrom = (bytes: number): number => 2 ** Math.ceil(Math.log2(bytes));

/** One CPU's ring: a power of two with room for four of the largest records. `notes` says what was changed. */
export function ringSize(text: string, snaplenBytes: number): { bytes: number; notes: string[] } {
  const asked = bytesOf('--buffer-size', text);
  const needed = Math.max(pageBytes, powerOfTwoFrom(4 * largestRecordBytes(snaplenBytes)));
  const rounded = powerOfTwoFrom(asked);
  const kib = (bytes: number): string => `${bytes / 1024} KiB`;
  const notes: string[] = [];
  if (rounded !== asked)
    notes.push(`--buffer-size ${text} is no power of two: rounded up to ${kib(rounded)}`);
  if (rounded < needed)
    notes.push(`--buffer-size ${text} cannot hold four packets of this snaplen: raised to ${kib(needed)}`);
  return { bytes: Math.max(rounded, needed), notes };
}
