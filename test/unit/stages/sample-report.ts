/** A fixed report such as the plan gives on a kernel without kprobes whose fentry loads are refused. */
import type { StagesReport, StageWatch } from '../../../src/stages/report.js';
import { stages } from '../../../src/stages/table.js';
import type { Stage } from '../../../src/stages/types.js';

const refused: StageWatch['passedOver'] = [
  {
    mechanism: 'fentry',
    target: 'dev_queue_xmit_nit',
    reason: 'this kernel refuses fentry programs (EPERM)',
  },
  {
    mechanism: 'kprobe',
    target: 'dev_queue_xmit_nit',
    reason: 'this kernel has no kprobes (CONFIG_KPROBES is not set)',
  },
];

const txTap: StageWatch = {
  stage: 'tx-tap',
  mechanism: 'inferred',
  target: 'net_dev_start_xmit',
  reason: 'the tap function cannot be watched here, but the next step of its caller can',
  passedOver: [
    ...refused,
    { mechanism: 'packet_socket', target: 'packet_rcv', reason: 'it would arm the tap: only with --arm' },
  ],
};

const nfInput: StageWatch = {
  stage: 'nf-input',
  mechanism: 'netfilter',
  target: 'NF_INET_LOCAL_IN',
  observed: false,
  reason: 'links at free priorities between the chains',
  passedOver: [],
};

const longReason: StageWatch = {
  stage: 'l4-rcv',
  reason:
    'this kernel refuses fentry programs (EPERM) and has no kprobes (CONFIG_KPROBES is not set), and no tracepoint lies here',
  passedOver: refused,
};

const special = new Map([txTap, nfInput, longReason].map((watch) => [watch.stage, watch]));

function watchOf(stage: Stage): StageWatch {
  const known = special.get(stage.id);
  if (known !== undefined) return known;
  const rung = stage.ladder.find(({ mechanism, program }) => mechanism === 'tp_btf' && program !== undefined);
  if (rung === undefined) return { stage: stage.id, reason: 'not built yet in this version', passedOver: [] };
  const reason = 'the best mechanism that this kernel allows';
  const passedOver = stage.id === 'rx-tap' ? refused : [];
  return { stage: stage.id, mechanism: 'tp_btf', target: rung.target, observed: true, reason, passedOver };
}

export const sampleReport: StagesReport = {
  kernel: '6.18.44',
  stages: stages.map((stage) => ({ stage, watch: watchOf(stage) })),
};
