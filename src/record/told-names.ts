/** What records name, told once each: asked of the trace when it is met, and gathered for the next chunk of names. */
import { Batch, RecordView } from '../decode/record.js';
import type { RecordNews } from '../native/binding.js';
import { isFullSocket } from '../render/delivery-text.js';
import { stageByNumber } from '../stages/lookup.js';
import type { Beginning } from '../trace/log.js';
import { asksSocket } from '../trace/socket-takes.js';
import { deviceMessage, netnsMessage, socketSetupMessage } from './messages.js';
import type { NamesMessage, Sparse } from './schema.js';

export type DeviceNumbers = RecordNews['devices'][number];

export class ToldNames {
  private waiting: Sparse<NamesMessage> = {};
  /** By what it is about. */
  private readonly told = new Map<string, { text: string; names: Sparse<NamesMessage> }>();
  private readonly answers = new WeakSet<object>();
  private readonly record = new RecordView();

  /** Asks for what is new; gives back the devices that are not known yet. */
  learn(news: RecordNews, beginning: Beginning): DeviceNumbers[] {
    const { source } = beginning;
    for (const stackId of news.stacks) this.stack(stackId, beginning);
    for (const address of news.locations) this.location(address, beginning);
    for (const value of news.dropReasons)
      this.tellOnce('dropReasons', value, { value, name: source.dropReason(value) });
    for (const header of news.sockets) this.socket(this.record.at(new Batch(header), 0), beginning);
    return news.devices.filter((device) => !this.device(device, beginning));
  }

  private device({ netnsInum, ifindex }: DeviceNumbers, { source }: Beginning): boolean {
    const device = source.devices.find(netnsInum, ifindex);
    if (!device) return false;
    this.tellOnce('namespaces', device.netns.inum, netnsMessage(device.netns));
    this.tellOnce('devices', `${netnsInum}/${ifindex}`, deviceMessage(device));
    return true;
  }

  private location(address: bigint, { source }: Beginning): void {
    this.tellOnce('symbols', address, { address: String(address), name: source.symbol(address) });
  }

  private stack(stackId: number, beginning: Beginning): void {
    const addresses = beginning.source.stack(stackId);
    for (const address of addresses) this.location(address, beginning);
    this.tellOnce('stacks', stackId, { id: stackId, addresses: addresses.map(String) });
  }

  private socket(record: RecordView, { source, sockets }: Beginning): void {
    const stage = stageByNumber(record.stage);
    if (!stage || (stage.id !== 'delivery' && !isFullSocket({ stage, record }, source))) return;
    const inode = record.socketInode;
    const holders = source.socketHolders(inode);
    if (holders.length > 0 && this.isNews(holders))
      this.tellOnce('holders', inode, { inode, holders: holders.map((one) => ({ ...one })) });
    if (stage.id !== 'delivery' || !sockets || !asksSocket(record)) return;
    const socket = sockets.socketOf(record);
    if (this.isNews(socket))
      this.tellOnce('setups', `${inode}/${socket.filterAddress}`, socketSetupMessage(socket));
  }

  /** Sources give the same object while nothing has changed. */
  private isNews(answer: object): boolean {
    if (this.answers.has(answer)) return false;
    this.answers.add(answer);
    return true;
  }

  /** Keeps it for the next chunk of names, unless it has been told already. */
  private tellOnce<K extends keyof NamesMessage>(
    kind: K,
    id: string | number | bigint,
    value: NamesMessage[K][number],
  ): void {
    const text = JSON.stringify(value);
    const names = { [kind]: [value] };
    if (!this.remember(`${kind} ${id}`, text, names)) return;
    const list = (this.waiting[kind] ?? []) as unknown[];
    this.waiting = { ...this.waiting, [kind]: [...list, value] };
  }

  /** For the files that follow; false where it was known. */
  remember(key: string, text: string, names: Sparse<NamesMessage>): boolean {
    if (this.told.get(key)?.text === text) return false;
    this.told.set(key, { text, names });
    return true;
  }

  /** What is to be told now; undefined: nothing. */
  take(): Sparse<NamesMessage> | undefined {
    const names = this.waiting;
    this.waiting = {};
    return Object.keys(names).length > 0 ? names : undefined;
  }

  /** Everything that has been told. */
  get all(): Sparse<NamesMessage>[] {
    return [...this.told.values()].map(({ names }) => names);
  }
}
