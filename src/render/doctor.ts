/** The doctor's report: features of this kernel and these rights, then every stage with what was passed over. */
import type { KernelFeatures } from '../attach/features.js';
import type { StagesReport, StageWatch } from '../stages/report.js';

const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

/** Feature, value, and what it is good for or what would change it. */
function featureRows(features: KernelFeatures): (readonly [string, string, string])[] {
  const fentry = features.refusals.find(({ mechanism }) => mechanism === 'fentry');
  const symbols = Object.values(features.symbols).some((found) => found.length > 0);
  return [
    ['BTF', yesNo(features.btf), features.btf ? '' : 'needs CONFIG_DEBUG_INFO_BTF; nothing works without it'],
    ['fentry', fentry ? 'no' : 'yes', fentry?.reason ?? ''],
    [
      'kprobes',
      yesNo(features.kprobes),
      features.kprobes ? '' : 'needs CONFIG_KPROBES and CONFIG_KPROBE_EVENTS',
    ],
    [
      'packet bytes by dynptr',
      yesNo(features.kfuncs.bpf_dynptr_from_skb),
      features.kfuncs.bpf_dynptr_from_skb ? '' : 'since 6.12; before that by probe reads',
    ],
    [
      'packet socket knows its skb',
      yesNo(features.kfuncs.bpf_cast_to_kern_ctx),
      features.kfuncs.bpf_cast_to_kern_ctx ? '' : 'since 6.2; --arm needs it in this version',
    ],
    [
      'symbols',
      yesNo(symbols),
      symbols ? '' : '/proc/kallsyms cannot be read: needs CAP_SYSLOG or kernel.kptr_restrict=0',
    ],
    [
      'lockdown',
      features.lockdown,
      features.lockdown === 'unknown' ? '/sys/kernel/security is not mounted or not readable' : '',
    ],
    ['capabilities', features.capabilities.join(' ') || 'none', ''],
  ];
}

function watchLines({ stage, mechanism, target, reason, passedOver }: StageWatch): string[] {
  const head = mechanism ? `${mechanism} ${target}` : 'not available';
  const lines = [`  ${stage.padEnd(15)} ${head}`];
  if (!mechanism)
    return [
      ...lines,
      ...passedOver.map((entry) => `${' '.repeat(18)}no ${entry.mechanism}: ${entry.reason}`),
    ];
  lines.push(`${' '.repeat(18)}${reason}`);
  for (const entry of passedOver) lines.push(`${' '.repeat(18)}not ${entry.mechanism}: ${entry.reason}`);
  return lines;
}

export function doctorText(report: StagesReport, features: KernelFeatures): string {
  const lines = [`Kernel ${report.kernel}`, ''];
  for (const [name, value, remark] of featureRows(features))
    lines.push(`  ${name.padEnd(28)} ${value}${remark ? `  (${remark})` : ''}`);
  lines.push('', 'Stages, in path order: what would watch each, and why nothing better', '');
  for (const { watch } of report.stages) lines.push(...watchLines(watch));
  return `${lines.join('\n')}\n`;
}

export function doctorJson(report: StagesReport, features: KernelFeatures): Record<string, unknown> {
  return {
    type: 'doctor',
    schema: 1,
    kernel: report.kernel,
    features,
    stages: report.stages.map(({ watch }) => watch),
  };
}
