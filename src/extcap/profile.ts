/** A Wireshark profile for our pcapng files: a column with the stage, and a colour for each part of the path. */
import { stages } from '../stages/table.js';
import type { StageId } from '../stages/types.js';

const columns: readonly (readonly [title: string, format: string])[] = [
  ['No.', '%m'],
  ['Time', '%t'],
  ['Stage', '%Cus:frame.interface_name:0:R'],
  ['Packet', '%Cus:frame.packet_id:0:R'],
  ['Source', '%s'],
  ['Destination', '%d'],
  ['Protocol', '%p'],
  ['Length', '%L'],
  ['Info', '%i'],
  ['What happened', '%Cus:frame.comment:0:R'],
];

type Colour = readonly [red: number, green: number, blue: number];
const black: Colour = [0, 0, 0];

/** The first that fits colours a packet. */
const colours: readonly { name: string; has: (id: StageId) => boolean; background: Colour }[] = [
  { name: 'drops', has: (id) => id === 'drop', background: [255, 175, 160] },
  { name: 'taps', has: (id) => id === 'rx-tap' || id === 'tx-tap', background: [255, 236, 150] },
  { name: 'netfilter', has: (id) => id.startsWith('nf-'), background: [200, 215, 250] },
  { name: 'tc and qdisc', has: (id) => /^(tc-|qdisc)/.test(id), background: [215, 240, 205] },
];

/** 16 bits of each colour, as Wireshark's colour filters have them. */
const colourText = (colour: Colour): string => `[${colour.map((part) => part * 257).join(',')}]`;

function colourRule({ name, has, background }: (typeof colours)[number]): string {
  const names = stages.filter(({ id }) => has(id)).map(({ id }) => `frame.interface_name matches "^${id}@"`);
  return `@taptrace: ${name}@${names.join(' || ')}@${colourText(background)}${colourText(black)}\n`;
}

/** Files of the profile by name. */
export function profileFiles(): Record<string, string> {
  const format = columns.flat().map((text) => `"${text}"`);
  return {
    preferences: `gui.column.format: ${format.join(', ')}\n`,
    colorfilters: `# taptrace: where in the kernel a packet was seen\n${colours.map(colourRule).join('')}`,
  };
}
