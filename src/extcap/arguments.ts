/** The words that Wireshark, or somebody who installs us there, starts `taptrace extcap` with. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../errors.js';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = {
  ...{ install: flag, uninstall: flag, profile: flag, dir: text, help: flag },
  ...{ capture: flag, fifo: text, stages: text, snaplen: text, netns: text, arm: flag, debug: flag },
  ...{ 'extcap-interfaces': flag, 'extcap-dlts': flag, 'extcap-config': flag },
  ...{ 'extcap-interface': text, 'extcap-capture-filter': text, 'extcap-version': text },
  // Pipes of the toolbar.
  ...{ 'extcap-control-in': text, 'extcap-control-out': text, 'extcap-reload-option': text },
} as const satisfies NonNullable<ParseArgsConfig['options']>;

export type Asked = ReturnType<typeof extcapArguments>;

/** Throws UsageError. */
export function extcapArguments(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const [what] = (error as Error).message.split('. ');
    throw new UsageError(what!, '"taptrace extcap --help" lists the options');
  }
}
