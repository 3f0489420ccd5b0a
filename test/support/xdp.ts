/** Small XDP and tc programs, for devices of test namespaces. */
import { join } from 'node:path';
import { run } from './process.js';
import type { End, World } from './world.js';

/** UDP datagrams to this port are dropped by the program `drop`, and sent back by `tx`. */
export const XDP_DROPPED_PORT = 7;

export type XdpProgram = 'pass' | 'drop' | 'tx';
export type XdpMode = 'xdpgeneric' | 'xdpdrv';

// struct xdp_md is a stable ABI; written out here so that no kernel headers are needed.
const SOURCE = `
typedef unsigned int u32;
struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
enum { XDP_DROP = 1, XDP_PASS = 2, XDP_TX = 3, TC_ACT_SHOT = 2 };
#define SECTION(name) __attribute__((section(name), used))

SECTION("xdp_pass") int pass(struct xdp_md *context)
{
	return XDP_PASS;
}

static __attribute__((always_inline)) int to_port(struct xdp_md *context, int action)
{
	unsigned char *frame = (void *)(long)context->data;

	if (frame + 42 > (unsigned char *)(long)context->data_end)
		return XDP_PASS;
	if (frame[12] != 0x08 || frame[13] != 0x00 || frame[14] != 0x45 || frame[23] != 17)
		return XDP_PASS;
	return frame[36] == 0 && frame[37] == ${XDP_DROPPED_PORT} ? action : XDP_PASS;
}

SECTION("xdp_drop") int drop(struct xdp_md *context)
{
	return to_port(context, XDP_DROP);
}

SECTION("xdp_tx") int tx(struct xdp_md *context)
{
	return to_port(context, XDP_TX);
}

SECTION("tc_drop") int shot(void *context)
{
	return TC_ACT_SHOT;
}

SECTION("license") char licence[] = "Dual BSD/GPL";
`;

async function compile({ dir }: Pick<World, 'dir'>): Promise<string> {
  const object = join(dir, 'xdp.o');
  await run(['clang', '-O2', '-g', '-target', 'bpf', '-x', 'c', '-c', '-', '-o', object], { input: SOURCE });
  return object;
}

/** Compiles the programs and hangs one into the XDP hook of an end's device. */
export async function attachXdp(
  world: Pick<World, 'dir'>,
  end: End,
  program: XdpProgram,
  mode: XdpMode,
): Promise<void> {
  const object = await compile(world);
  await run([
    ...['ip', '-n', end.netns.name, 'link', 'set', 'dev', end.device],
    ...[mode, 'obj', object, 'sec', `xdp_${program}`],
  ]);
}

/** Hangs one into the generic XDP hook. */
export function attachGenericXdp(world: World, end: End, program: XdpProgram): Promise<void> {
  return attachXdp(world, end, program, 'xdpgeneric');
}

/** Has tc drop every IPv4 packet that comes in, or goes out, by a clsact filter. */
export async function dropByTc(
  world: Pick<World, 'dir'>,
  end: End,
  direction: 'ingress' | 'egress',
): Promise<void> {
  const object = await compile(world);
  await end.run(['tc', 'qdisc', 'add', 'dev', end.device, 'clsact']);
  await end.run([
    ...['tc', 'filter', 'add', 'dev', end.device, direction, 'protocol', 'ip'],
    ...['bpf', 'da', 'obj', object, 'sec', 'tc_drop'],
  ]);
}

/** Takes the program off again. */
export async function detachGenericXdp(end: End): Promise<void> {
  await run(['ip', '-n', end.netns.name, 'link', 'set', 'dev', end.device, 'xdpgeneric', 'off']);
}
