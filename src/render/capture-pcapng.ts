/** A capture file as pcapng: one section, times in nanoseconds, and what the file says of interfaces and packets. */
import type { CaptureInterface } from '../capture/capture.js';
import type { CaptureSummary, ShownPacket } from '../capture/capture-reading.js';
import { applicationName } from '../capture/place.js';
import { interfaceBlock, packetBlock, sectionBlock, statisticsBlock } from './pcapng.js';

export class CapturePcapng {
  /** Packets of each interface. */
  private readonly received: number[] = [];
  private last = { seconds: 0, nanos: 0 };

  begin(version: string): Buffer {
    return sectionBlock({ application: applicationName(version) });
  }

  interface(at: CaptureInterface): Buffer {
    this.received.push(0);
    return interfaceBlock(at);
  }

  packet({ captured }: ShownPacket): Buffer {
    const { at, time = { seconds: 0, nanos: 0 } } = captured;
    this.last = time;
    this.received[at.id]! += 1;
    return packetBlock({ ...captured, ...time, interfaceId: at.id });
  }

  end({ dropped }: CaptureSummary): Buffer[] {
    return this.received.map((received, interfaceId) =>
      statisticsBlock({ interfaceId, ...this.last, received, dropped: dropped.get(interfaceId) }),
    );
  }
}
