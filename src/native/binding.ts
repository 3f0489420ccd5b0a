/** The addon's face in TypeScript: the one place where its types are declared. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { MissingError } from '../errors.js';

/** One argument of a kernel function or tracepoint, as BTF has it. */
export interface BtfParameter {
  readonly pointerDepth: number;
  /** Name of the type that is pointed to; empty for void. */
  readonly type: string;
}

export interface StructLayout {
  readonly bytes: number;
  readonly members: readonly { readonly name: string; readonly offset: number; readonly bytes: number }[];
}

export interface ProgramSpec {
  /** A compiled object's bytes. */
  readonly object: Uint8Array;
  readonly program: string;
  /** BTF attach target; absent for programs that have none. */
  readonly target?: string;
  /** Number of a BPF program, whose main function is the target; needs CAP_SYS_ADMIN. */
  readonly targetProgram?: number;
  /** Of programs whose section an older libbpf does not know. */
  readonly type?: 'netfilter';
  /** `const volatile` variables of the object by name. */
  readonly constants: Readonly<Record<string, number>>;
  /** eBPF instructions that take the place of filter_match(). */
  readonly filter?: Uint8Array;
}

export interface ProgramStats {
  readonly id: number;
  /** Both are 0 unless kernel.bpf_stats_enabled is set. */
  readonly runTimeNs: number;
  readonly runCount: number;
  /** Null on kernels that do not count them (before 5.12). */
  readonly recursionMisses: number | null;
}

/** Why a ring was not read further. */
export const drainEnd = { empty: 0, busy: 1, noRoom: 2, damaged: 3 } as const;

/** Programs, maps, rings and sockets of one trace. Everything is gone after close(), which may be called twice. */
export interface NativeSession {
  /** Opens, sets constants, loads; returns the program's number. Throws NativeError. */
  load(spec: ProgramSpec): number;
  /** Attaches to the BTF target, or as a kprobe to `symbol`, at its entry or at its return. */
  attach(program: number, symbol?: string, atReturn?: boolean): void;
  /** Attaches to the root of the cgroup v2 hierarchy, mounted or not. Throws NativeError. */
  attachCgroup(program: number): void;
  /** Detaches and unloads one program; its number is not used again. */
  unload(program: number): void;
  /** Detaches all programs and closes all packet sockets and netfilter links; rings, maps and counters stay readable. */
  detachAll(): void;
  /** Opens a packet socket on a device with the program as its filter; returns the socket's number. */
  openPacketSocket(program: number, netnsPath: string | null, ifindex: number, incomingOnly: boolean): number;
  /** Makes a packet socket with the program as its filter, in no tap list, and closes it. Throws NativeError. */
  tryPacketSocket(program: number): void;
  closePacketSocket(socket: number): void;
  /** Throws NativeError where no tcx link with the program can be had; attaches nothing. */
  tryTcx(program: number, egress: boolean): void;
  /** Puts the program at the head of a device's tcx programs; returns the link's number. */
  openTcx(program: number, netnsPath: string | null, ifindex: number, egress: boolean): number;
  closeTcx(link: number): void;
  /**
   * Registers the program at a netfilter hook of a namespace (NFPROTO_IPV4 or _IPV6, NF_INET_*); returns the link's
   * number. Throws NativeError: EBUSY where another hook has this priority.
   */
  openNetfilterLink(
    program: number,
    netnsPath: string | null,
    family: number,
    hook: number,
    priority: number,
  ): number;
  /** Throws NativeError where no link with this program can be had; registers nothing. */
  tryNetfilterLink(program: number): void;
  closeNetfilterLink(link: number): void;
  mapSet(map: string, key: Uint8Array, value: Uint8Array): void;
  mapDelete(map: string, key: Uint8Array): void;
  mapGet(map: string, key: Uint8Array, valueBytes: number): Uint8Array | null;
  /** The values of all possible CPUs, each padded to 8 bytes. */
  mapGetPerCpu(map: string, index: number, valueBytes: number): Uint8Array;
  /** Copies whole records of one ring to `into` from `offset`; `end[0]` is a drainEnd value. */
  drain(ring: number, into: Uint8Array, offset: number, end: Uint32Array): number;
  fillBytes(ring: number): number;
  /**
   * What a socket filter or tc program returns for a frame (BPF_PROG_TEST_RUN): at least 14 bytes, of which a socket
   * filter does not see the Ethernet header. `context` is the start of a struct __sk_buff. Throws NativeError.
   */
  testRun(program: number, frame: Uint8Array, context: Uint8Array | null): number;
  programStats(program: number): ProgramStats;
  /** Whether this kernel lets only holders of CAP_BPF use maps that are open already: tried. */
  mapsNeedCapability(): boolean;
  /** Calls back whenever a ring has data, until pollStop(). */
  pollStart(onReadable: () => void): void;
  pollStop(): void;
  close(): void;
}

/** What records name that was not met before; of sockets: in these records. */
export interface RecordNews {
  readonly devices: readonly { readonly netnsInum: number; readonly ifindex: number }[];
  /** Kernel addresses. */
  readonly locations: readonly bigint[];
  readonly stacks: readonly number[];
  readonly dropReasons: readonly number[];
  /** Headers of records that tell of a packet socket, put together with what amends them; equal ones once. */
  readonly sockets: readonly Uint8Array[];
}

/** A chunk of records in a recording. Times are nanoseconds since its beginning. */
export interface RecordsWritten {
  /** Bytes from the beginning of the file to it. */
  readonly offset: number;
  /** Records, those left out that only amend another one. */
  readonly events: number;
  readonly firstNs: number;
  readonly lastNs: number;
}

/** What a recording has met since it was last asked. */
export interface RecordsMet {
  readonly chunks: readonly RecordsWritten[];
  /** Numbers of records are missing. */
  readonly isMissing: boolean;
  readonly news: RecordNews | null;
}

/** Writes chunks of a recording to a file; whoever opened the file closes it. What cannot be written throws NativeError. */
export interface RecordingWriter {
  /** Goes on at the beginning of another file (-1: in none). `isRegular`: a chunk that could not be written whole is taken back. */
  setFile(fd: number, isRegular: boolean): void;
  /** Writes records that were read before, at once; gives back the time of the last one, since the beginning. */
  add(ring: number, records: Uint8Array): number;
  /** As add(), but they are not written: the next chunk is to hold them. */
  look(ring: number, records: Uint8Array): number;
  /** A chunk with its length in front, which goes out with the next flush() or round, or before. */
  append(chunk: Uint8Array): void;
  flush(): void;
  /** Every ring has been read up to this time, in nanoseconds since the beginning; Infinity: to its end. */
  round(untilNs: number): void;
  take(): RecordsMet;
  /** It is news again when it is met again. */
  forgetDevice(netnsInum: number, ifindex: number): void;
  /** Where in the file the next chunk begins. */
  offset(): number;
  /** Events in chunks that have been written whole. */
  safeEvents(): number;
  /**
   * Reads the rings of a session by itself, round by round, until stop(). `behindNs`: how long a record may take from its
   * time stamp into its ring. After a round of fewer bytes than `lazyBelowBytes` it rests longer.
   */
  start(session: NativeSession, behindNs: number, lazyBelowBytes: number): void;
  stop(): void;
  /** After stop(), once nothing writes to the rings: reads what is left. */
  finish(): void;
  /** CLOCK_BOOTTIME up to which it has read every ring; null: it sleeps, since they were empty. */
  readUntilNs(): bigint | null;
  /** Bytes in a ring, the most that was seen. */
  highWaterBytes(): number;
}

export interface RecordingWriterOptions {
  readonly rings: number;
  /** CLOCK_BOOTTIME of the beginning. */
  readonly bootNs: bigint;
  /** Numbers of the stages whose records tell of packet sockets. */
  readonly deliveryStage: number;
  readonly dropStage: number;
  /** Something has been met that has to be told before the round in which it was met ends. */
  readonly onNews: () => void;
  /** Of a recording that reads rings by itself: it has ended, for this reason. */
  readonly onError: (error: unknown) => void;
  /** Called before records are read for another chunk. */
  readonly beforeChunk?: () => void;
}

/** What came to one socket of a NetlinkListener since it was read last. */
export interface Heard {
  /** Its number. */
  readonly socket: number;
  /** Whole netlink messages. */
  readonly messages: Uint8Array;
  /** Messages that found no room in the socket's buffer. */
  readonly lost: number;
}

/** Sockets in one netlink multicast group, each in a namespace. */
export interface NativeNetlinkListener {
  /** Subscribes in one more namespace; returns the socket's number. Throws NativeError. */
  add(netnsPath: string | null): number;
  /** Lets go of the socket, and so of its namespace. */
  remove(socket: number): void;
  /** Takes all that has come, and what was lost until then; nothing of sockets that nothing came to. */
  read(): Heard[];
  close(): void;
}

export interface SessionOptions {
  /** Bytes of each ring, a power of two and at least a page. */
  readonly ringBytes: number;
  /** One ring a possible CPU. */
  readonly rings: number;
  /** max_entries of shared maps by name. */
  readonly mapEntries: Readonly<Record<string, number>>;
}

/** A thread of this process. */
export interface Thread {
  readonly tid: number;
  readonly name: string;
}

export interface NativeBinding {
  Session: new (options: SessionOptions) => NativeSession;
  RecordingWriter: new (options: RecordingWriterOptions) => RecordingWriter;
  NetlinkListener: new (protocol: number, group: number) => NativeNetlinkListener;
  /** Parameters of a kernel function, or of one of a module; null where BTF does not know it. */
  btfFunction(name: string, module?: string): BtfParameter[] | null;
  btfTracepoint(name: string): BtfParameter[] | null;
  /** Whether a kernel struct has a member of this name (not of one of its members). */
  btfHasMember(struct: string, member: string): boolean;
  /** Gives back the parsed kernel BTF (several MiB); it is read again when it is needed again. */
  releaseBtf(): void;
  /** Values of an enum of the kernel, or of a module; null where BTF does not know it. */
  btfEnum(name: string, module?: string): Record<string, number> | null;
  objectEnum(object: Uint8Array, name: string): Record<string, number> | null;
  structLayout(object: Uint8Array, name: string): StructLayout | null;
  /** Null if an empty fentry program for the function loads, else the error's name. */
  tryFentry(name: string): string | null;
  /** A /proc file as the namespace at `netnsPath` shows it; null: the own one. */
  readFile(netnsPath: string | null, path: string): Uint8Array;
  /** Reads a file on another thread. */
  readFileAsync(path: string): Promise<Uint8Array>;
  /** CLOCK_BOOTTIME and CLOCK_REALTIME of one moment, in nanoseconds. */
  clocks(): { bootNs: bigint; wallNs: bigint };
  /**
   * Takes every capability but these numbers (of linux/capability.h) from every thread of the process, for good:
   * permitted, effective, inheritable, ambient; programs that are executed get none either. Gives back the threads
   * that still had more after a second.
   */
  dropCapabilities(kept: readonly number[]): Thread[];
  /** Bytes of BPF memory that RLIMIT_MEMLOCK allows; null where it does not limit it (tried: from 5.11). */
  memlockLimit(): number | null;
  /** The name of the BPF program of this number, as the kernel keeps it; needs CAP_SYS_ADMIN. Throws NativeError. */
  bpfProgramName(id: number): string;
  /** The counters of a device's driver by name, as `ethtool -S` has them; none where it keeps none. Throws NativeError. */
  deviceStatistics(netnsPath: string | null, device: string): Record<string, number>;
  /** Sends one netlink request, returns all reply messages of its dump. */
  netlink(netnsPath: string | null, protocol: number, request: Uint8Array): Uint8Array;
  /**
   * What `nft list chain` prints of `family table chain`, with handles and without counters; null where libnftables is
   * not installed. The words are nft's commands: only names that are plain words may be given. Throws NativeError.
   */
  nftListChain(netnsPath: string | null, chain: string): string | null;
}

/** What the addon throws. */
export interface NativeError extends Error {
  readonly operation: string;
  readonly errno: number;
  /** Name of the errno, such as EPERM. */
  readonly code: string;
  /** What libbpf and the verifier said. */
  readonly log?: string;
}

export function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && 'operation' in error && 'errno' in error;
}

const require = createRequire(import.meta.url);
const platform = `${process.platform}-${process.arch}`;

/** Path of a file of the package, from its root. */
export function packagePath(relative: string): string {
  return fileURLToPath(new URL(`../../../${relative}`, import.meta.url));
}

/**
 * A file that is built for one kind of machine: where this tree was built, `inTree`; in the npm package, whichever of
 * its prebuilds is for this machine.
 */
export function builtPath(inTree: string, inPackage: string): string {
  const built = packagePath(inTree);
  return existsSync(built) ? built : packagePath(`prebuilds/${platform}/${inPackage}`);
}

/** Loads an addon. Throws MissingError that says which file and what to do. */
export function loadAddon<T>(name: string): T {
  const path = builtPath(`build/Release/${name}.node`, `${name}.node`);
  try {
    return require(path) as T;
  } catch (error) {
    if (!existsSync(path))
      throw new MissingError(
        `there is no addon for ${platform} (${path}): only recordings can be read, and without a filter`,
        'in the source tree "make build" makes it',
        { cause: error, code: 'addon' },
      );
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new MissingError(`cannot load the addon ${path}: ${reason}`, undefined, {
      cause: error,
      code: 'addon',
    });
  }
}

let loaded: NativeBinding | undefined;

export function nativeBinding(): NativeBinding {
  loaded ??= loadAddon<NativeBinding>('taptrace');
  return loaded;
}
