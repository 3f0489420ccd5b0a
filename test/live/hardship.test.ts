/** Poor circumstances: one clear line each, and exit 3 or a lower rung; never a crash or a verifier's log. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runToEnd } from '../support/cli.js';
import {
  assertOneClearLine,
  assertTraced,
  cannotLimitMemory,
  runWithMemory,
  short,
  taptrace,
  tracingDirectories,
  withHidden,
} from '../support/hardships.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['bpftool', 'unshare']) ?? false;
const noLimit = skip || (cannotLimitMemory() ?? false);
const MIB = 1 << 20;

let residue: Residue;
before(() => {
  if (!skip) residue = bpfResidue([]);
});

describe('hardship', { skip }, () => {
  it('BTF hidden: says so, and what would help', async () => {
    const said = await runToEnd(withHidden(['/sys/kernel/btf'], taptrace()));
    assertOneClearLine(said, /needs the kernel's BTF, and \/sys\/kernel\/btf\/vmlinux is not there/);
    assert.match(said.stderr, /--arm needs none/);
  });

  it('BTF hidden, with --arm: packet sockets need none', async () => {
    const said = await runToEnd(withHidden(['/sys/kernel/btf'], taptrace([...short, '--arm'])));
    assertTraced(said);
    assert.match(said.stderr, /rx-tap by packet_socket .*tx-tap by packet_socket/);
  });

  it('tracefs and debugfs hidden: traces', async () => {
    assertTraced(await runToEnd(withHidden(tracingDirectories(), taptrace())));
  });

  it('no capability at all', async () => {
    const none = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
    assertOneClearLine(await runToEnd([...none, ...taptrace()]), /: CAP_BPF \(.*CAP_PERFMON \(/);
  });

  describe('a memory cgroup', { skip: noLimit }, () => {
    it('too small for the rings: says which limit, and what was asked for', async () => {
      const said = await runWithMemory(200 * MIB, taptrace([...short, '-B', '512M']));
      assertOneClearLine(
        said,
        /no memory for \d+ ring buffers? of 512 MiB \(one for each CPU\): the memory cgroup allows 200 MiB \(\/.*memory\.(max|limit_in_bytes)\)$/,
      );
      assert.match(said.stderr, /--buffer-size \(-B\)/);
    });

    it('large enough for small ones: traces', async () => {
      assertTraced(await runWithMemory(200 * MIB, taptrace([...short, '-B', '1M'])));
    });
  });
});

after(async () => {
  if (!skip) assert.deepEqual(await residueSince(residue, []), [], 'left in the kernel');
});
