// Generated from bpf/event.h through the BTF of a compiled object by "make generate". Do not edit.

/** Byte offsets of struct tap_record. */
export const tapRecord = {
  recordLen: 0,
  version: 4,
  stage: 5,
  attachId: 6,
  timeNs: 8,
  sequence: 16,
  present: 24,
  flags: 28,
  cpu: 32,
  len: 36,
  capLen: 40,
  linearLen: 44,
  skb: 48,
  head: 56,
  netnsCookie: 64,
  location: 72,
  socketCookie: 80,
  socketInode: 88,
  aux: 96,
  netnsInum: 104,
  ifindex: 108,
  ifindexOut: 112,
  mark: 116,
  hash: 120,
  gsoType: 124,
  reason: 128,
  verdict: 132,
  stackId: 136,
  pid: 140,
  tid: 144,
  uid: 148,
  gsoSize: 152,
  gsoSegs: 154,
  linkType: 156,
  protocol: 158,
  queue: 160,
  vlanTci: 162,
  vlanProtocol: 164,
  dataOffset: 166,
  checksumStart: 168,
  checksumOffset: 170,
  packetType: 172,
  ipSummed: 173,
  context: 174,
  link: 175,
  fragCount: 176,
  filterResult: 177,
  nfFamily: 178,
  nfHook: 179,
  choice: 180,
  reserved: 181,
  comm: 184,
} as const;
export const tapRecordBytes = 200;

/** Byte offsets of struct tap_counters. */
export const tapCounters = {
  filtered: 0,
  matched: 8,
  emitted: 16,
  lostRing: 24,
  forgotten: 32,
  undecided: 40,
} as const;
export const tapCountersBytes = 48;

/** Byte offsets of struct tap_live. */
export const tapLive = {
  snaplen: 0,
  stacks: 4,
  paused: 8,
} as const;
export const tapLiveBytes = 12;

/** Byte offsets of struct tap_device. */
export const tapDevice = {
  netnsInum: 0,
  ifindex: 4,
} as const;
export const tapDeviceBytes = 8;

/** Byte offsets of struct tap_device_set. */
export const tapDeviceSet = {
  devices: 0,
  isCrowded: 32,
} as const;
export const tapDeviceSetBytes = 40;

/** Byte offsets of struct tap_socket_device. */
export const tapSocketDevice = {
  linkType: 0,
  link: 2,
  armed: 3,
} as const;
export const tapSocketDeviceBytes = 4;

/** Byte offsets of struct tap_filter_view. */
export const tapFilterView = {
  len: 0,
  valid: 4,
  beyond: 8,
  moved: 12,
  room: 16,
  bytes: 24,
  extension: 552,
  taken: 616,
  loaded: 624,
} as const;
export const tapFilterViewBytes = 632;

/** enum tap_present */
export const tapPresent = {
  skb: 1,
  head: 2,
  netns: 4,
  netnsCookie: 8,
  ifindex: 16,
  ifindexOut: 32,
  linkType: 64,
  packetType: 128,
  mark: 256,
  hash: 512,
  queue: 1024,
  vlan: 2048,
  gso: 4096,
  checksum: 8192,
  verdict: 16384,
  reason: 32768,
  location: 65536,
  stack: 131072,
  socketCookie: 262144,
  socketInode: 524288,
  uid: 1048576,
  task: 2097152,
  context: 4194304,
  armed: 8388608,
  aux: 16777216,
  dataLayout: 33554432,
  hook: 67108864,
} as const;

/** enum tap_flag */
export const tapFlag = {
  armed: 1,
  unreadable: 2,
  cloned: 4,
  fragList: 8,
  deviceGone: 16,
  amends: 32,
} as const;

/** enum tap_context */
export const tapContext = {
  process: 0,
  softirq: 1,
} as const;

/** enum tap_link */
export const tapLink = {
  device: 0,
  network: 1,
} as const;

/** enum tap_choice */
export const tapChoice = {
  matched: 1,
  followed: 2,
  lookedBack: 3,
} as const;

/** enum tap_delivery */
export const tapDelivery = {
  unknown: 0,
  taken: 1,
  filtered: 2,
  full: 3,
} as const;

/** enum tap_filter */
export const tapFilter = {
  no: 0,
  yes: 1,
  undecided: 2,
} as const;
