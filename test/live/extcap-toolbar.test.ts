/** Wireshark's toolbar, played by its pipes: what is set there changes the capture that runs. */
import assert from 'node:assert/strict';
import { constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ControlMessage, ControlReader, command, controlBytes } from '../../src/extcap/control.js';
import { Child, patient, run } from '../support/process.js';
import { createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['tshark']) ?? false;
const control = { stages: 0, snaplen: 1, filter: 2, logger: 3 } as const;
const PACKETS = 10;

describe("extcap's toolbar", { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
  const pipes = { fifo: join(directory, 'fifo'), in: join(directory, 'in'), out: join(directory, 'out') };
  const file = join(directory, 'captured.pcapng');
  const said: ControlMessage[] = [];
  let world: QuietWorld;
  let input: number;
  let output: Socket;
  let wireshark: Child;
  let capture: Child;

  const tell = (message: ControlMessage): number => writeSync(input, controlBytes(message));
  const set = (one: keyof typeof control, text: string): number =>
    tell({ control: control[one], command: command.set, text });

  /** Waits for one more message of this kind, and gives its text. */
  async function heard(isIt: (message: ControlMessage) => boolean): Promise<string> {
    const giveUpMs = Date.now() + patient(20_000);
    for (;;) {
      const at = said.findIndex(isIt);
      if (at >= 0) return said.splice(0, at + 1).at(-1)!.text;
      assert.ok(Date.now() < giveUpMs && !capture.hasEnded, `not said; ${capture.stderr}`);
      await sleep(20);
    }
  }

  const watching = (): Promise<string> =>
    heard(({ control: one, text }) => one === control.logger && text.startsWith('watching '));

  before(async () => {
    world = await createQuietWorld();
    await run(['mkfifo', ...Object.values(pipes)]);
    const bothWays = constants.O_RDWR | constants.O_NONBLOCK;
    input = openSync(pipes.in, bothWays);
    output = new Socket({ fd: openSync(pipes.out, bothWays), readable: true, writable: false });
    const reader = new ControlReader();
    output.on('data', (bytes) => said.push(...reader.take(bytes)));
    wireshark = new Child(['sh', '-c', `exec cat ${pipes.fifo} > ${file}`]);
    const name = `taptrace-taps-${world.a.device}`;
    capture = new Child([
      ...['ip', 'netns', 'exec', world.a.netns.name, ...tracerCommand(), 'extcap', '--capture'],
      ...['--extcap-interface', name, '--fifo', pipes.fifo],
      ...['--extcap-control-in', pipes.in, '--extcap-control-out', pipes.out],
    ]);
  });
  after(async () => {
    for (const child of [capture, wireshark]) if (child && !child.hasEnded) await child.stop('SIGKILL');
    output?.destroy();
    world?.close();
    rmSync(directory, { recursive: true });
  });

  it('is described beside the interfaces', async () => {
    const answer = await run([...tracerCommand(), 'extcap', '--extcap-interfaces']);
    const controls = answer.split('\n').filter((line) => line.startsWith('control '));
    assert.deepEqual(
      controls.map((line) => /\{number=(\d)\}\{type=(\w+)\}.*\{display=([^}]*)\}/.exec(line)!.slice(1)),
      [
        ['0', 'string', 'Stages'],
        ['1', 'string', 'Bytes of each packet'],
        ['2', 'string', 'Filter'],
        ['3', 'button', 'Log'],
      ],
    );
  });

  it('what was set before holds from the beginning, and all is shown', async () => {
    set('snaplen', '60');
    tell({ control: 255, command: command.initialized, text: '' });
    const shown = await heard(
      ({ control: one, command: what }) => one === control.filter && what === command.set,
    );
    assert.equal(shown, '');
    assert.match(await watching(), /^watching .*tx-tap /);
    await flood(world, PACKETS, 1000);
    await sleep(patient(300));
  });

  it('other stages, then a filter: the capture goes on with them', async () => {
    set('stages', 'tx-tap, dev-queue');
    assert.match(await watching(), /^watching dev-queue .*tx-tap /);
    await flood(world, PACKETS, 1000);
    await sleep(patient(300));
    set('filter', 'icmp');
    await watching();
    await flood(world, PACKETS, 1000);
    await sleep(patient(300));
  });

  it('what cannot be is told, and the toolbar shows what is', async () => {
    for (const [one, text, message, inForce] of [
      ['filter', 'udp prt 7', /syntax error at 'prt'/, 'icmp'],
      ['stages', 'tapz', /unknown stage 'tapz'/, 'tx-tap, dev-queue'],
      ['snaplen', '1e9', /snaplen/, '60'],
    ] as const) {
      set(one, text);
      assert.match(await heard(({ command: what }) => what === command.error), message);
      const isBack = ({ control: number, command: what }: ControlMessage) =>
        number === control[one] && what === command.set;
      assert.equal(await heard(isBack), inForce);
    }
    assert.equal(capture.hasEnded, false);
  });

  it('makes one file of it', async () => {
    const { code } = await capture.stop('SIGTERM');
    assert.equal(code, 0, capture.stderr);
    await wireshark.until(() => wireshark.hasEnded, 'the end of the pipe');
    const fields = ['frame.interface_name', 'frame.cap_len', 'udp.dstport'];
    const text = await run(['tshark', '-r', file, '-T', 'fields', ...fields.flatMap((name) => ['-e', name])]);
    const rows = text
      .trimEnd()
      .split('\n')
      .map((row) => row.split('\t'));
    const { device } = world.a;
    const stages = rows.map(([name]) => name!.replace(`@${device}`, ''));
    const expected = [
      ...Array(PACKETS).fill('tx-tap'),
      ...Array(PACKETS).fill(['dev-queue', 'tx-tap']).flat(),
    ];
    assert.deepEqual(stages, expected);
    for (const [, length, port] of rows) assert.deepEqual([length, Number(port) > 0], ['60', true]);
    const summary = await run([...tracerCommand(), 'read', file, '--json']);
    assert.match(summary, new RegExp(`"packets":${3 * PACKETS},.*"dropped":0,`));
  });
});
