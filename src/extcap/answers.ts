/** Answers to Wireshark's questions. It asks every extcap program when it starts, so they need next to no modules. */
import { UsageError } from '../errors.js';
import { PacketFilter } from '../filter/filter.js';
import { toolbarSentences } from './controls.js';
import { interfaceCalled, offeredInterfaces } from './interfaces.js';
import { type Fields, sentence } from './sentences.js';

/** --extcap-interfaces. */
export function interfacesAnswer(version: string): string {
  const about = { version, display: 'kernel taps by eBPF' };
  const interfaces = offeredInterfaces().map(({ value, display }) =>
    sentence('interface', { value, display }),
  );
  return [sentence('extcap', about), ...interfaces, ...toolbarSentences()].join('');
}

/** --extcap-dlts. What is written says of each stage what its packets begin with; for a filter it is Ethernet. */
export function linkTypesAnswer(interfaceValue: string): string {
  interfaceCalled(interfaceValue);
  return sentence('dlt', { number: 1, name: 'EN10MB', display: 'Ethernet' });
}

/** --extcap-config: what can be set before a capture. */
export function settingsAnswer(interfaceValue: string): string {
  const { stages } = interfaceCalled(interfaceValue);
  const settings: Fields[] = [
    {
      call: '--stages',
      display: 'Stages',
      type: 'string',
      default: stages,
      tooltip: 'Stage ids or groups (taps, netfilter, path, all), comma separated',
      validation: '^[a-z0-9, -]+$',
    },
    {
      call: '--snaplen',
      display: 'Bytes of each packet',
      type: 'unsigned',
      default: 0,
      tooltip: '0: whole packets',
    },
    {
      call: '--netns',
      display: 'Network namespace',
      type: 'string',
      placeholder: 'that of Wireshark',
      tooltip: 'A name, path, process id, or all',
    },
    {
      call: '--arm',
      display: 'Open the taps',
      type: 'boolflag',
      default: false,
      tooltip: 'A packet socket on each device arms the taps, and they are watched from inside',
    },
  ];
  return settings
    .map((fields, number) => sentence('arg', { number, ...fields, group: 'What to watch' }))
    .join('');
}

/** What is wrong with a capture filter, for Wireshark to show; empty where nothing is. */
export function filterAnswer(expression: string): string {
  try {
    new PacketFilter(expression);
    return '';
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return `${error.message.replaceAll('\n', ' ')}\n`;
  }
}
