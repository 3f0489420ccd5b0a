/** Events of a capture file as text, with the options of tcpdump. */
import { readFileSync } from 'node:fs';
import { EventText, type Palette } from '../../../src/render/event-text.js';
import type { TextOptions } from '../../../src/render/packet-text.js';
import type { TapEvent } from '../../../src/trace/event.js';
import { readPcap } from '../../support/pcap.js';
import { bootToWallNs, names, tapEvent } from './events.js';

export const plain: Palette = { rxTap: String, txTap: String, drop: String, dim: String };

export const options: TextOptions = {
  ...{ linkHeader: false, hex: 0, hexAscii: 0, ascii: 0, timeFormat: 1 },
  ...{ absoluteSequence: false, quick: false, verbose: 0 },
};

/** A renderer without columns to fill. */
export function textOf(changes: Partial<TextOptions>, palette = plain): EventText {
  return new EventText(names, { ...options, ...changes }, palette, { stage: 0, function: 0, device: 0 });
}

/** What stands before the packet in a line of an event that `capturedEvents` made. */
export const place = 'start-xmit f - ';

/** The packets of a capture as events at one stage. */
export function capturedEvents(path: string): TapEvent[] {
  return [...readPcap(readFileSync(path))].map(({ bytes, len, tsNs }) => {
    const fields = { len, timeNs: tsNs - bootToWallNs };
    return tapEvent({ stage: 'start-xmit', function: 'f', data: bytes, fields });
  });
}
