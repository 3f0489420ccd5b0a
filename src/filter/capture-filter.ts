/** A filter over packets of capture files: compiled for each link type there is, and asked as `tcpdump -r` asks it. */
import { familyEthertype } from '../capture/link-layer.js';
import { ETHERTYPE } from '../dissect/names.js';
import { UsageError } from '../errors.js';
import { compile, filterAddon, type NativeFilter, type Verdict, verdict } from './filter.js';

const LINKTYPE_RAW = 101;
const DLT_RAW = 12;

/** A number of libpcap's for its link type; files have numbers of their own for a few. */
const dltOf = (linkType: number): number => (linkType === LINKTYPE_RAW ? DLT_RAW : linkType);

const LINKTYPE_NULL = 0;
const LINKTYPE_LOOP = 108;
const familyBytes = 4;
/** socket.h of Linux. */
const hostFamilies = new Map<number, number>([
  [ETHERTYPE.ipv4, 2],
  [ETHERTYPE.ipv6, 10],
]);

/**
 * libpcap knows the numbers and the byte order of address families by the file that it reads itself; without one it
 * takes them for those of this machine.
 */
function asWrittenHere(linkType: number, bytes: Uint8Array): Uint8Array {
  if ((linkType !== LINKTYPE_NULL && linkType !== LINKTYPE_LOOP) || bytes.length < familyBytes) return bytes;
  const copy = Buffer.from(bytes);
  const number = hostFamilies.get(familyEthertype(copy)!);
  if (number === undefined) return bytes;
  if (linkType === LINKTYPE_LOOP) copy.writeUInt32BE(number);
  else copy.writeUInt32LE(number);
  return copy;
}

export class CaptureFilter {
  private readonly filters = new Map<number, NativeFilter | undefined>();

  constructor(readonly expression: string) {}

  /**
   * Compiles it for a link type. Throws UsageError where it is none for the first one; for a later one that answers with
   * libpcap's message, and its packets cannot be decided.
   */
  prepare(linkType: number): string | undefined {
    if (this.filters.has(linkType)) return undefined;
    try {
      this.filters.set(linkType, compile(filterAddon().Filter, this.expression, 'file', dltOf(linkType)));
      return undefined;
    } catch (error) {
      if (this.filters.size === 0 || !(error instanceof UsageError)) throw error;
      this.filters.set(linkType, undefined);
      return error.message;
    }
  }

  /** Of a link type that was prepared. */
  match(linkType: number, bytes: Uint8Array, len: number): Verdict {
    const filter = this.filters.get(linkType);
    if (!filter) return verdict.undecided;
    return filter.matchBytes(asWrittenHere(linkType, bytes), len) as Verdict;
  }
}
