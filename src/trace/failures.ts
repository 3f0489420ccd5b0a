/** What went wrong in the addon, as one clear line for the user: the place where system errors get their words. */
import { MissingError } from '../errors.js';
import { isNativeError, type NativeBinding, type NativeError } from '../native/binding.js';
import { memoryLimit } from '../system/memory-cgroup.js';

export interface Circumstances {
  readonly native: Pick<NativeBinding, 'memlockLimit'>;
  readonly ringBytes: number;
  readonly rings: number;
  /** Given by tests. */
  readonly memoryLimit?: typeof memoryLimit;
}

const allocates = new Set(['create BPF maps', 'create ring buffer', 'map ring buffer']);

function sizeText(bytes: number): string {
  const unit = ['GiB', 'MiB', 'KiB'].find((_, index) => bytes >= 1024 ** (3 - index)) ?? 'KiB';
  const factor = { GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024 }[unit as 'GiB' | 'MiB' | 'KiB'];
  return `${Number((bytes / factor).toFixed(1))} ${unit}`;
}

const ringsText = ({ rings, ringBytes }: Circumstances): string =>
  `${rings} ring buffer${rings === 1 ? '' : 's'} of ${sizeText(ringBytes)} (one for each CPU)`;

function noMemory(error: NativeError, circumstances: Circumstances): MissingError {
  const limit = (circumstances.memoryLimit ?? memoryLimit)();
  const allowed = limit ? `: the memory cgroup allows ${sizeText(limit.bytes)} (${limit.file})` : '';
  return new MissingError(
    `no memory for ${ringsText(circumstances)}${allowed}`,
    `ask for smaller ones with --buffer-size (-B)${limit ? ', or raise that limit' : ''}`,
    { cause: error, code: 'memory' },
  );
}

/** Until 5.10 BPF memory counts against RLIMIT_MEMLOCK, which libbpf raises if it may. */
function memlockTooSmall(error: NativeError, circumstances: Circumstances): MissingError | undefined {
  const limit = circumstances.native.memlockLimit();
  if (limit === null) return undefined;
  return new MissingError(
    `RLIMIT_MEMLOCK (ulimit -l) allows ${sizeText(limit)} of BPF memory, too little for ${ringsText(circumstances)}`,
    'raise it (ulimit -l unlimited), give node CAP_SYS_RESOURCE to do so itself, or ask for smaller ones with --buffer-size (-B)',
    { cause: error, code: 'memory' },
  );
}

/** The error to show in the place of this one; itself where nothing better is known. */
export function explainFailure(error: unknown, circumstances: Circumstances): unknown {
  if (!isNativeError(error)) return error;
  const { operation, code } = error;
  if (allocates.has(operation) && code === 'ENOMEM') return noMemory(error, circumstances);
  if (allocates.has(operation) && code === 'EPERM') return memlockTooSmall(error, circumstances) ?? error;
  if (operation === 'open packet socket' && code === 'EPERM')
    return new MissingError('--arm may not open a packet socket: needs CAP_NET_RAW', undefined, {
      cause: error,
      code: 'rights',
    });
  return error;
}
