/** The one line that is shown of what libbpf and the verifier say; the logs are those of real refusals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isRefusal,
  RungRefused,
  refusalBlock,
  refusalReason,
  tellingLine,
} from '../../../src/attach/refusal.js';
import { nativeError } from '../support/kernel-that-refuses.js';
import { v612 } from './kernels.js';
import { plan } from './requests.js';

const program = (...lines: string[]): string =>
  [
    "libbpf: prog 'skb_arg0': BPF program load failed: Permission denied",
    "libbpf: prog 'skb_arg0': -- BEGIN PROG LOAD LOG --",
    ...lines,
    '-- END PROG LOAD LOG --',
    "libbpf: prog 'skb_arg0': failed to load: -13",
    "libbpf: failed to load object 'taptrace'",
    '',
  ].join('\n');

const logs: readonly (readonly [what: string, log: string, line: string | undefined])[] = [
  [
    '6.18: a body that returns nothing',
    program(
      'callee:',
      ' frame1: R1=fp[0]-80 R2=0 R3=0 R4=scalar(smin=0,smax=umax=0xffffffff) R5=trusted_ptr_sk_buff() R10=fp0',
      '931: (95) exit',
      'returning from callee:',
      ' frame1: R1=fp[0]-80 R2=0 R10=fp0',
      'to caller at 294:',
      ' R6=map_value(map=counters,ks=4,vs=40) R8=ptr_net() R10=fp0 fp-16=0000scalar(id=2)',
      '; if (!filter_match(&packet)) { @ tap.h:253',
      '294: (67) r0 <<= 32',
      'R0 !read_ok',
      'processed 106 insns (limit 1000000) max_states_per_insn 1 total_states 8 peak_states 8 mark_read 0',
    ),
    'R0 !read_ok',
  ],
  [
    '6.18: a read through a number',
    program(
      '931: (b7) r2 = 0                      ; frame1: R2=0',
      '932: (61) r0 = *(u32 *)(r2 +0)',
      "R2 invalid mem access 'scalar'",
      'processed 106 insns (limit 1000000) max_states_per_insn 0 total_states 8 peak_states 8 mark_read 0',
    ),
    "R2 invalid mem access 'scalar'",
  ],
  [
    '6.18: an argument that the tracepoint does not have',
    program(
      '0: R1=ctx() R10=fp0',
      '; return observe_here(ctx, (void *)ctx[0], (void *)ctx[1]); @ tp_btf.bpf.c:20',
      '0: (79) r2 = *(u64 *)(r1 +8)',
      "func 'netif_rx' doesn't have 2-th argument",
      'invalid bpf_context access off=8 size=8',
      'processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
    ),
    'invalid bpf_context access off=8 size=8',
  ],
  [
    '5.10: registers with their state',
    program(
      'R0_w=inv(id=0) R1=ctx(id=0,off=0,imm=0) R10=fp0',
      'last_idx 12 first_idx 0',
      'regs=4 stack=0 before 11: (bf) r2 = r1',
      'BPF program is too large. Processed 1000001 insn',
      'processed 1000001 insns (limit 1000000) max_states_per_insn 4 total_states 9 peak_states 9 mark_read 3',
    ),
    'BPF program is too large. Processed 1000001 insn',
  ],
  [
    'fentry on a kernel that allows none: nothing is said but a guess',
    [
      "libbpf: prog 'skb_arg0_dev_arg1': BPF program load failed: Operation not permitted",
      "libbpf: permission error while running as root; try raising 'ulimit -l'? current value: 8.0 MiB",
      "libbpf: prog 'skb_arg0_dev_arg1': failed to load: -1",
      "libbpf: failed to load object 'taptrace'",
      '',
    ].join('\n'),
    undefined,
  ],
  [
    'a kprobe on a kernel without them',
    [
      "libbpf: failed to add legacy kprobe event for 'dev_queue_xmit_nit+0x0': No such file or directory",
      "libbpf: prog 'skb_arg0': failed to create kprobe 'dev_queue_xmit_nit+0x0' perf event: No such file or directory",
      '',
    ].join('\n'),
    "failed to add legacy kprobe event for 'dev_queue_xmit_nit+0x0': No such file or directory",
  ],
  [
    '6.1: relocation without the right to look through the modules',
    [
      'libbpf: failed to iterate BTF objects: -1',
      "libbpf: prog 'copy_step': relo #4: target candidate search failed for [81] struct skb_frag: -1",
      'libbpf: failed to perform CO-RE relocations: -1',
      "libbpf: failed to load object 'taptrace'",
      '',
    ].join('\n'),
    'failed to iterate BTF objects: -1',
  ],
  ['no log', '', undefined],
];

for (const [what, log, line] of logs)
  test(what, () => {
    assert.equal(tellingLine(log), line);
    const reason = refusalReason(nativeError('load BPF program skb_arg0', 'EACCES', log));
    assert.match(reason, /EACCES/);
    assert.ok(reason.includes(line ?? 'was refused'));
    assert.doesNotMatch(reason, /\n|libbpf:/);
  });

test('why there is no root of the cgroup hierarchy is said in words', () => {
  const reason = (code: string) => refusalReason(nativeError('find attach target cgroup root', code));
  assert.match(reason('EPERM'), /not mounted, and to mount it needs CAP_SYS_ADMIN$/);
  assert.match(reason('EXDEV'), /not in this cgroup namespace$/);
  assert.equal(reason('EMFILE'), 'find attach target cgroup root was refused (EMFILE)');
  assert.ok(isRefusal(nativeError('find attach target cgroup root', 'EPERM')));
});

test('only what the kernel turned down is a refusal', () => {
  const is = (operation: string, code: string, log?: string) => isRefusal(nativeError(operation, code, log));
  assert.ok(is('load BPF program x', 'EACCES'));
  assert.ok(is('attach kprobe dev_queue_xmit_nit', 'ENOENT'));
  assert.ok(is('find attach target netif_rx', 'ESRCH'));
  assert.ok(!is('load BPF program x', 'ENOMEM'));
  assert.ok(
    !is('load BPF program x', 'EPERM', "libbpf: map 'live': failed to create: Operation not permitted(-1)"),
  );
  assert.ok(!is('create ring buffer', 'EPERM'));
  assert.ok(!is('set constant x', 'ENOENT'));
});

test('--debug prints everything, headed by stage, mechanism and program', () => {
  const log = program('R0 !read_ok');
  const [attachment] = plan('drop', v612).attachments;
  const block = refusalBlock(
    new RungRefused(attachment!, nativeError('load BPF program kfree_skb', 'EACCES', log)),
  );
  assert.match(
    block,
    /^--- drop by tp_btf kfree_skb: tp_btf-kfunc\/kfree_skb: load BPF program kfree_skb \(EACCES\)\n/,
  );
  assert.ok(block.includes(log.trimEnd()));
});
