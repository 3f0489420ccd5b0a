/** What the kernel turned down, in one line for the report and in full for --debug. */
import type { NativeError } from '../native/binding.js';
import type { Refusal } from './features.js';
import type { Attachment } from './plan.js';

/** One attachment's program was turned down by the kernel: as it is, or only with the filter in it. */
export class RungRefused extends Error {
  constructor(
    readonly attachment: Attachment,
    override readonly cause: NativeError,
    readonly withFilter = false,
  ) {
    super(`${attachment.stage} by ${attachment.mechanism}: ${cause.message}`);
  }
}

/** Told of everything that is turned down, as it happens. */
export type RefusalListener = (refused: RungRefused) => void;

/** Instructions, source lines, registers, and what the verifier says of what it has accepted. */
const verifierNoise = [
  /^\d+: /,
  /^;/,
  /(^|\s)(R\d+(_[a-z]+)?|fp-\d+(_[a-z]+)?)=/,
  /^(processed \d+ insns|verification time|stack depth|-- (BEGIN|END) )/,
  /^\s*(from \d+ to \d+|caller:|callee:|to caller at|returning from callee|frame\d+:?)/,
  /^(last_idx|first_idx|regs=|parent |mark_precise|propagating|arg#\d+ )/,
  /^(Validating |Func#\d+ .* is safe|func '.*' arg\d+ has btf_id)/,
];

/** What libbpf says of every failure, and its guess at RLIMIT_MEMLOCK whenever the answer is EPERM. */
const libbpfNoise =
  /BPF program load failed|: failed to load|failed to load object|permission error while running/;

const libbpfLine = /^libbpf: (?:prog '[^']*': )?/;

/**
 * The line of a log that says what was wrong: the verifier's last one, else libbpf's first one, which the others
 * follow from. Undefined where none says anything.
 */
export function tellingLine(log: string): string | undefined {
  const lines = log.split('\n').map((line) => line.trimEnd());
  const ofLibbpf = lines.filter((line) => libbpfLine.test(line) && !libbpfNoise.test(line));
  const begin = lines.findIndex((line) => line.includes('-- BEGIN PROG LOAD LOG --'));
  const end = lines.findIndex((line) => line.includes('-- END PROG LOAD LOG --'));
  const ofVerifier = begin < 0 ? [] : lines.slice(begin + 1, end < 0 ? undefined : end);
  const told = ofVerifier.filter((line) => line && !verifierNoise.some((noise) => noise.test(line))).at(-1);
  return (told ?? ofLibbpf[0]?.replace(libbpfLine, ''))?.trim();
}

/** Why there is no root of the cgroup v2 hierarchy to attach to (native/cgroup.h), by errno. */
const rootless: Readonly<Record<string, string>> = {
  EPERM: 'the cgroup v2 hierarchy is not mounted, and to mount it needs CAP_SYS_ADMIN',
  EXDEV: 'the root of the cgroup v2 hierarchy is not in this cgroup namespace',
  ENODEV: 'this kernel has no cgroup v2',
};

/** Why a program was turned down, in one line. */
export function refusalReason({ operation, code, log = '' }: NativeError): string {
  const without = operation === 'find attach target cgroup root' ? rootless[code] : undefined;
  if (without) return without;
  const told = tellingLine(log);
  const by = log.includes('-- BEGIN PROG LOAD LOG --') ? 'the verifier refuses it' : `${operation} failed`;
  return told ? `${by}: ${told} (${code})` : `${operation} was refused (${code})`;
}

/**
 * What a refusal rules out. How a program reads memory matters to its load alone: what cannot be attached in one
 * build cannot in the others.
 */
export function refusalOf({ attachment, cause }: RungRefused): Refusal {
  const { mechanism, target, stage, program } = attachment;
  const serves = Object.keys(program?.constants ?? {}).filter((name) => name.startsWith('hook_')).length;
  // The same program serves every hook.
  if (mechanism === 'netfilter') return { mechanism, reason: refusalReason(cause) };
  const whole = /^(attach|find attach target)/.test(cause.operation);
  return {
    mechanism,
    target,
    ...(serves < 2 && { stage }),
    ...(!whole && { access: program!.access }),
    reason: refusalReason(cause),
  };
}

/** Whether another rung may do better; no memory is nobody's fault, and no rung's cure. */
export function isRefusal({ operation, code, log = '' }: NativeError): boolean {
  const made = !/': failed to create: /.test(log);
  return /^(load|attach|find attach target)/.test(operation) && code !== 'ENOMEM' && made;
}

/** Everything that libbpf and the verifier said, under a heading that says of what. */
export function refusalBlock({ attachment, cause, withFilter }: RungRefused): string {
  const { stage, mechanism, target, program } = attachment;
  const what = `${program?.object}/${program?.name}${withFilter ? ' with the filter in it' : ''}`;
  const heading = `--- ${stage} by ${mechanism} ${target}: ${what}: ${cause.operation} (${cause.code})`;
  const log = cause.log?.trimEnd() ?? '(libbpf and the verifier said nothing)';
  return `${heading}\n${log}\n---\n`;
}
