/** The interfaces that Wireshark is offered: each device, and all of them, as its taps alone or with the whole path. */
import { readdirSync } from 'node:fs';
import { UsageError } from '../errors.js';

/** What is watched at a device. */
const kinds = {
  taps: { display: 'kernel taps', stages: 'taps' },
  path: { display: 'whole path', stages: 'all' },
} as const;
type Kind = keyof typeof kinds;

export interface OfferedInterface {
  /** Wireshark's name of it, by which it asks for it. */
  readonly value: string;
  readonly display: string;
  /** Stages by default, as --stages takes them. */
  readonly stages: string;
  /** Undefined: every device. */
  readonly device: string | undefined;
}

const prefix = 'taptrace';

function offered(kind: Kind, device?: string): OfferedInterface {
  const { display, stages } = kinds[kind];
  const value = [prefix, kind, ...(device === undefined ? [] : [device])].join('-');
  return { value, display: `${display}: ${device ?? 'all devices'}`, stages, device };
}

/** All devices first, then each device of this network namespace. */
export function offeredInterfaces(): OfferedInterface[] {
  const devices = [undefined, ...readdirSync('/sys/class/net').sort()];
  return devices.flatMap((device) => [offered('taps', device), offered('path', device)]);
}

/** The interface that a value names; the device need not be there any more. Throws UsageError. */
export function interfaceCalled(value: string): OfferedInterface {
  const [, kind, device] = /^taptrace-(taps|path)(?:-(.+))?$/s.exec(value) ?? [];
  if (kind) return offered(kind as Kind, device);
  throw new UsageError(`no interface "${value}" is ours`, 'taptrace extcap --extcap-interfaces lists them');
}
