/** A recording shows what its live run showed, byte for byte, in every view; and what is safe when its writer dies. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { toHex } from '../support/bytes.js';
import { runInShell, runTaptrace } from '../support/cli.js';
import { loadNft } from '../support/oracles/nft.js';
import { type PcapPacket, readPcap } from '../support/pcap.js';
import { Child, patient, run } from '../support/process.js';
import { sendUdp } from '../support/scenario.js';
import { Capture, RING_KIB } from '../support/tcpdump.js';
import { chainOf, type Topology } from '../support/topology.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['nft']) ?? false;
const PORT = { open: 7001, translated: 7002, forwardDropped: 7003, inputDropped: 7004 };
const SETTLE_MS = 300;
/** Options that say how events are shown: a recording has the others in it. */
const views = new Set(['--json', '-e', '-xx', '-ttt']);

let topology: Topology;
before(async () => {
  if (skip) return;
  topology = await chainOf('arb');
  const { ipv4 } = topology.end('br');
  await loadNft(
    topology.host('r'),
    `table ip nat {
       chain pre { type nat hook prerouting priority dstnat; udp dport ${PORT.translated} dnat to ${ipv4}:9001; };
       chain post { type nat hook postrouting priority srcnat; oifname "rb" masquerade; }; }
     table inet filter { chain forward { type filter hook forward priority 0; udp dport ${PORT.forwardDropped} drop; }; }`,
  );
  await loadNft(
    topology.host('b'),
    `table inet filter { chain first { type filter hook input priority 0; udp dport ${PORT.inputDropped} drop; };
       chain second { type filter hook input priority 10; }; }`,
  );
});
after(() => topology?.close());

const namespaces = (): string[] => topology.hosts.flatMap(({ netns }) => ['--netns', netns.name]);
const fileOf = (name: string): string => join(topology.dir, `${name}.taptrace`);

async function traffic(): Promise<void> {
  const [from, { ipv4 }] = [topology.end('ar'), topology.end('br')];
  await from.send(['ping', '-q', '-c', '2', '-i', '0.01', ipv4]);
  for (const port of Object.values(PORT)) await sendUdp(from, ipv4, port, 3);
}

/** Starts a command of ours that watches all hosts. */
async function started(args: readonly string[]): Promise<Child> {
  const child = new Child([...tracerCommand(), ...args, '--buffer-size', `${RING_KIB}K`, ...namespaces()]);
  await child.until(() => /netfilter in|armed/.test(child.stderr), 'header', patient(60_000));
  return child;
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

describe('a recording', { skip }, () => {
  for (const [view, ...options] of [
    ['trace', '--json', '--stages', 'taps,netfilter,drop,consume'],
    ['trace', '-e', '-xx', '-ttt', 'udp'],
    ['path'],
    ['path', '--json', '--stack', 'udp'],
    ['compare', 'udp or icmp'],
    ['trace', '--json', '--stages', 'taps,nf-forward', '--follow', '--min-len', '44', '-Q', 'out', 'udp'],
    ['path', '--json', '--uid', '0', '--max-len', '80', '--mark', '0/0xff', 'udp'],
    ['path', '-i', 'rb'],
    ['compare', '--look-back', 'dst', 'port', '9001'],
  ] as const)
    it(`${view} ${options.join(' ')} reads as it was shown live`, async () => {
      const file = fileOf('equal');
      const live = await started([view, '-w', file, '--print', ...options]);
      await traffic();
      if (view === 'path')
        await loadNft(
          topology.host('a'),
          'table ip added { chain out { type filter hook output priority 5; }; }',
        );
      await settle();
      const { code } = await live.stop('SIGINT', patient(30_000));
      assert.equal(code, 0, live.stderr);
      const shown = options.filter((word) => views.has(word));
      const read = await runTaptrace(['read', file, '--view', view, ...shown]);
      assert.equal(read.exit.code, 0, read.stderr);
      assert.ok(live.stdout.length > 1000);
      assert.doesNotMatch(live.stderr, /came late/);
      assert.equal(read.stdout, live.stdout);
      assert.match(live.stderr, /^taptrace: \d+ events are in .*equal\.taptrace$/m);
    });

  it('is narrowed down by what its reader asks: packets in path, events in trace', async () => {
    const file = fileOf('narrowed');
    const live = await started(['path', '-w', file, 'udp']);
    await traffic();
    await settle();
    await live.stop('SIGINT', patient(30_000));
    const shown = async (...args: string[]) =>
      (await runTaptrace(['read', file, '--json', ...args])).stdout
        .split('\n')
        .filter((line) => /^{"type":"(event|journey)"/.test(line))
        .map((line) => JSON.parse(line) as { stage: string; packet: number });
    const [all, tooLong] = [
      await shown('--view', 'path'),
      await shown('--view', 'path', '--min-len', '5000'),
    ];
    assert.deepEqual([tooLong.length, (await shown('--min-len', '5000')).length], [0, 0]);
    const out = await shown('--view', 'path', '-Q', 'out', '-i', 'ar');
    const numbers = (list: typeof all) => list.map(({ packet }) => packet);
    assert.ok(all.length > 0);
    assert.deepEqual(numbers(out), numbers(all));
    const events = await shown('-Q', 'in');
    assert.ok(events.some(({ stage }) => stage === 'rx-tap'));
    assert.ok(!events.some(({ stage }) => stage === 'tx-tap'));
  });

  it('needs no rights', async () => {
    const asRoot = await runTaptrace(['read', fileOf('equal'), '--json']);
    const line = `exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@" <${fileOf('equal')}`;
    const asNobody = await runInShell(line, ['read', '-', '--json']);
    assert.equal(asNobody.exit.code, 0, asNobody.stderr);
    assert.equal(asNobody.stdout, asRoot.stdout);
  });

  it('without ends of packets cannot be followed, and says what to record', async () => {
    const file = fileOf('taps');
    const live = await started(['trace', '-w', file]);
    await traffic();
    await settle();
    assert.equal((await live.stop('SIGINT')).code, 0);
    assert.equal(live.stdout, '');
    for (const view of ['path', 'compare']) {
      const { exit, stderr } = await runTaptrace(['read', file, '--view', view]);
      assert.equal(exit.code, 2);
      assert.match(stderr, /needs the ends of packets.*\n.*taptrace path -w/);
    }
    assert.equal((await runTaptrace(['read', file])).exit.code, 0);
  });

  it('is whole up to the moment at which its writer is killed', async () => {
    const file = fileOf('killed');
    const live = await started(['trace', '-w', file]);
    await traffic();
    await settle();
    await live.stop('SIGKILL');
    const { exit, stdout, stderr } = await runTaptrace(['read', file]);
    assert.equal(exit.code, 1);
    assert.ok(stdout.split('\n').length > 40, stdout);
    assert.match(stderr, /completeness unknown: the recording ends early/);
    assert.match(stderr, /killed\.taptrace ends in the middle: .* \(byte \d+\)/);
  });

  it('on a full disk ends with an error that says how many events are safe', async () => {
    const small = join(topology.dir, 'small');
    mkdirSync(small);
    await run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'none', small]);
    try {
      const file = join(small, 'full.taptrace');
      const live = await started(['trace', '-s', '1500', '-w', file]);
      const [from, { ipv4 }] = [topology.end('ar'), topology.end('br')];
      const before = statSync(file).size;
      await sendUdp(from, ipv4, PORT.open, 50);
      await live.until(() => statSync(file).size > before, 'events in the file');
      await sendUdp(from, ipv4, PORT.open, 1500);
      assert.equal((await live.exited).code, 1, live.stderr);
      const safe = /no space is left on its device\n.* ends after (\d+) events, which are safe/.exec(
        live.stderr,
      )?.[1];
      assert.ok(statSync(file).size <= 262144);
      const { exit, stdout } = await runTaptrace(['read', file]);
      assert.equal(exit.code, 1);
      assert.ok(Number(safe) > 0);
      assert.equal(stdout.trimEnd().split('\n').length, Number(safe));
    } finally {
      await run(['umount', small]);
    }
  });

  it('as pcapng has the bytes that tcpdump writes at the same time', async () => {
    const [end, filter] = [topology.end('ar'), 'udp or icmp'];
    const file = join(topology.dir, 'taps.pcapng');
    const capture = await Capture.start(topology, end, { filter });
    const live = await started(['trace', '-i', 'ar', '-s', '0', '-w', file, filter]);
    await traffic();
    await settle();
    assert.equal((await live.stop('SIGINT', patient(30_000))).code, 0, live.stderr);
    // A packet reaches tcpdump's file up to a second late.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const expected = await capture.stop();
    await run(['tcpdump', '-r', file, '-w', `${file}.pcap`]);
    const written = [...readPcap(readFileSync(`${file}.pcap`))];
    assert.ok(expected.length > 10);
    const contents = (packets: readonly PcapPacket[]) =>
      packets.map(({ len, bytes }) => `${len} ${toHex(bytes)}`);
    assert.deepEqual(contents(written).sort(), contents(expected).sort());
  });

  it('is split by size into files that can each be read, of which the last ones are kept', async () => {
    const file = fileOf('split');
    const live = await started(['path', '-w', file, '-C', '100K', '-W', '3']);
    const [from, { ipv4 }] = [topology.end('ar'), topology.end('br')];
    for (let round = 0; round < 8; round += 1) {
      await sendUdp(from, ipv4, PORT.translated, 20);
      await settle();
    }
    assert.equal((await live.stop('SIGINT', patient(30_000))).code, 0, live.stderr);
    assert.match(live.stderr, /events are in \d+ files, the last one .*split\.taptrace\d$/m);
    for (const number of [0, 1, 2]) {
      const { exit, stdout, stderr } = await runTaptrace([
        'read',
        `${file}${number}`,
        '--view',
        'path',
        '--json',
      ]);
      assert.equal(exit.code, 0, stderr);
      assert.ok(statSync(`${file}${number}`).size > 8000);
      // What a file needs to be understood is in it, whichever it is.
      assert.match(stdout, /"ifname":"br"/);
      assert.match(stdout, /ip nat\/pre/);
      assert.match(stdout, /NO_SOCKET/);
    }
  });

  it('goes through a pipe, and ends when nobody reads it any more', async () => {
    const line = `"$@" 2>/dev/null | head -c 9000 >${fileOf('head')}; exit "\${PIPESTATUS[0]}"`;
    let hasEnded = false;
    const piped = runInShell(line, ['trace', '-w', '-', ...namespaces()]).finally(() => {
      hasEnded = true;
    });
    for (let tries = 0; tries < 100 && !hasEnded; tries += 1) {
      await sendUdp(topology.end('ar'), topology.end('br').ipv4, PORT.open, 3);
      await settle();
    }
    assert.equal((await piped).exit.code, 0);
    const { stderr } = await runTaptrace(['read', fileOf('head')]);
    assert.match(stderr, /ends in the middle/);
  });
});
