/** A tc filter of a user: a classic clsact filter that drops UDP datagrams to one port. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.js';
import type { End } from './world.js';

export const TC_DROPPED_PORT = 9;

// struct __sk_buff is a stable ABI; the map counts what was dropped.
const SOURCE = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); }
  tt_dropped SEC(".maps");
SEC("classifier") int tt_drop(struct __sk_buff *skb)
{
  unsigned char frame[38];
  __u32 key = 0;
  __u64 *dropped = bpf_map_lookup_elem(&tt_dropped, &key);
  if (!dropped || bpf_skb_load_bytes(skb, 0, frame, sizeof(frame))) return -1;
  if (frame[12] != 8 || frame[13] || frame[23] != 17 || frame[36] || frame[37] != ${TC_DROPPED_PORT}) return -1;
  __sync_fetch_and_add(dropped, 1);
  return 2; /* TC_ACT_SHOT */
}
char licence[] SEC("license") = "Dual BSD/GPL";
`;

export interface TcDrop {
  /** By the filter's own counter. */
  dropped(): Promise<number>;
  remove(): Promise<void>;
}

/** Puts the filter on an end's device (a namespace of the test's own). */
export async function attachTcDrop({ netns, device }: End, direction: 'ingress' | 'egress'): Promise<TcDrop> {
  const dir = mkdtempSync(join(tmpdir(), 'taptrace-tc-'));
  const object = join(dir, 'tc.o');
  const multiarch = (await run(['cc', '-print-multiarch'])).trim();
  const compile = [
    'clang',
    '-g',
    '-O2',
    '-target',
    'bpf',
    `-I/usr/include/${multiarch}`,
    '-x',
    'c',
    '-c',
    '-',
  ];
  await run([...compile, '-o', object], { input: SOURCE });
  const tc = ['tc', '-n', netns.name];
  await run([...tc, 'qdisc', 'add', 'dev', device, 'clsact']);
  const program = ['bpf', 'direct-action', 'obj', object, 'sec', 'classifier'];
  await run([...tc, 'filter', 'add', 'dev', device, direction, ...program]);
  rmSync(dir, { recursive: true, force: true });
  return {
    async dropped() {
      const shown = await run([...tc, 'filter', 'show', 'dev', device, direction]);
      const id = /\bid (\d+)\b/.exec(shown)?.[1];
      const programs = JSON.parse(await run(['bpftool', '-j', 'prog', 'show', 'id', id!])) as {
        map_ids: number[];
      };
      const entries = JSON.parse(
        await run(['bpftool', '-j', 'map', 'dump', 'id', String(programs.map_ids[0])]),
      ) as {
        formatted: { value: number };
      }[];
      return entries[0]!.formatted.value;
    },
    async remove() {
      await run([...tc, 'qdisc', 'del', 'dev', device, 'clsact']);
    },
  };
}
