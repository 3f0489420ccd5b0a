/**
 * The filter as programs ask it in the kernel, run over frames of a test (BPF_PROG_TEST_RUN): the whole way from
 * libpcap's classic instructions to the answer, without any packet on any wire. Works on every kernel from 5.10, as
 * root; a run takes a few microseconds.
 */
import { readFileSync } from 'node:fs';
import {
  tapDevice,
  tapDeviceBytes,
  tapLink,
  tapSocketDevice,
  tapSocketDeviceBytes,
} from '../../src/decode/layout.generated.js';
import type { Verdict } from '../../src/filter/filter.js';
import { type ClassicPrograms, translate } from '../../src/filter/translate.js';
import { type NativeSession, nativeBinding, packagePath } from '../../src/native/binding.js';

/** One to some 3400 bytes of a frame that begins with an Ethernet header; with a tag, 54 at least. */
export interface TestFrame {
  readonly bytes: Uint8Array;
  /** A VLAN tag that lives in the packet's metadata: protocol 0x8100 or 0x88a8. */
  readonly tag?: { readonly protocol: number; readonly tci: number };
  /** PACKET_HOST 0, _BROADCAST 1, _MULTICAST 2, _OTHERHOST 3; 0 when absent. */
  readonly packetType?: number;
  readonly mark?: number;
}

const loopbackIfindex = 1;
const ARPHRD_LOOPBACK = 772;
const etherHeaderBytes = 14;
/** In struct __sk_buff (linux/bpf.h). */
const contextBytes = 68;
const markAt = 8;
const cbAt = 48;

function contextOf({ tag, packetType = 0, mark = 0 }: TestFrame): Uint8Array {
  const view = new DataView(new ArrayBuffer(contextBytes));
  view.setUint32(markAt, mark, true);
  for (const [index, value] of [tag ? 1 : 0, tag?.protocol ?? 0, tag?.tci ?? 0, packetType].entries())
    view.setUint32(cbAt + index * 4, value, true);
  return new Uint8Array(view.buffer);
}

/** By the address that it is for, the kernel tells what type a packet is (net/ethernet/eth.c, eth_type_trans). */
const addressFirst = [0x00, 0xff, 0x01, 0x02] as const;
/** For local experiments: of IP packets a test run asks for whole headers. */
const experimental = 0x88b5;

/** The bytes behind an Ethernet header that only the test run sees. */
function behindHeader(bytes: Uint8Array, packetType: number, protocol: number): Uint8Array {
  const frame = new Uint8Array(etherHeaderBytes + bytes.length);
  frame.fill(addressFirst[packetType]!, 0, packetType === 1 ? 6 : 1);
  new DataView(frame.buffer).setUint16(12, protocol);
  frame.set(bytes, etherHeaderBytes);
  return frame;
}

/** Test runs come from the loopback device: tells the program what its link header is. */
function setLoopback(session: NativeSession, link: number): void {
  const key = new DataView(new ArrayBuffer(tapDeviceBytes));
  key.setUint32(tapDevice.ifindex, loopbackIfindex, true);
  const value = new DataView(new ArrayBuffer(tapSocketDeviceBytes));
  value.setUint16(tapSocketDevice.linkType, ARPHRD_LOOPBACK, true);
  value.setUint8(tapSocketDevice.link, link);
  session.mapSet('socket_devices', new Uint8Array(key.buffer), new Uint8Array(value.buffer));
}

/** One filter, loaded: close it. Throws NativeError where the kernel refuses it, with the verifier's log. */
export class KernelFilterRun {
  private readonly session: NativeSession;
  private readonly load: (program: string) => number;
  private readonly packet: number;
  /** Loaded for the first frame with a tag beside its bytes. */
  private frame: number | undefined;

  constructor(programs: ClassicPrograms) {
    const { body, constants } = translate(programs);
    const object = readFileSync(packagePath('dist/tools/filter.bpf.o'));
    this.session = new (nativeBinding().Session)({ ringBytes: 4096, rings: 1, mapEntries: { counters: 1 } });
    this.load = (program) => this.session.load({ object, program, constants, filter: body });
    this.packet = this.load('packet');
  }

  /** What the filter says of each frame. */
  verdicts(frames: readonly TestFrame[]): Verdict[] {
    setLoopback(this.session, tapLink.device);
    return frames.map((frame) => {
      const bytes = frame.tag ? frame.bytes : behindHeader(frame.bytes, frame.packetType ?? 0, experimental);
      const program = frame.tag ? this.programForTags() : this.packet;
      return this.session.testRun(program, bytes, contextOf(frame)) as Verdict;
    });
  }

  private programForTags(): number {
    this.frame ??= this.load('frame');
    return this.frame;
  }

  /** Of packets without link header; `protocol` is the EtherType that the kernel has of each. */
  rawVerdicts(
    packets: readonly Uint8Array[],
    protocol: (packet: Uint8Array) => number = () => experimental,
  ): Verdict[] {
    setLoopback(this.session, tapLink.network);
    return packets.map((bytes) => {
      const frame = behindHeader(bytes, 0, protocol(bytes));
      return this.session.testRun(this.packet, frame, null) as Verdict;
    });
  }

  close(): void {
    this.session.close();
  }
}

/** What the kernel says of each frame with these programs in the place of filter_match(). */
export function filterVerdicts(programs: ClassicPrograms, frames: readonly TestFrame[]): Verdict[] {
  const run = new KernelFilterRun(programs);
  try {
    return run.verdicts(frames);
  } finally {
    run.close();
  }
}
