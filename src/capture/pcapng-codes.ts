/** Numbers of the pcapng format (draft-ietf-opsawg-pcapng). */

export const block = {
  section: 0x0a0d0d0a,
  interface: 1,
  /** Obsolete: `packet` took its place. */
  oldPacket: 2,
  simplePacket: 3,
  statistics: 5,
  packet: 6,
} as const;
export const byteOrderMagic = 0x1a2b3c4d;
export const option = { end: 0, comment: 1 } as const;
export const sectionOption = { os: 3, application: 4 } as const;
export const interfaceOption = {
  ...{ name: 2, description: 3, resolution: 9, filter: 11, os: 12, timeOffset: 14 },
} as const;
export const packetOption = {
  ...{ flags: 2, dropCount: 4, packetId: 5, queue: 6, verdict: 7, process: 8 },
} as const;
export const statisticsOption = { received: 4, dropped: 7 } as const;
/** Of `interfaceOption.filter`: an expression of libpcap's language. */
export const filterIsText = 0;
/** Of epb_flags, its lowest two bits. */
export const directionFlag = { in: 1, out: 2, mask: 3 } as const;
