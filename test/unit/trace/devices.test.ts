import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UsageError } from '../../../src/errors.js';
import { globPattern } from '../../../src/trace/device-table.js';
import { Devices } from '../../../src/trace/devices.js';
import { elsewhere, here, ifindexes, linksReply, machine } from '../support/machine.js';

const matches = (glob: string, name: string): boolean => globPattern(glob).test(name);

test('* is any text and ? any character; everything else is itself', () => {
  for (const [glob, name, expected] of [
    ['eth*', 'eth0', true],
    ['eth*', 'eth', true],
    ['eth*', 'veth0', false],
    ['eth?', 'eth0', true],
    ['eth?', 'eth10', false],
    ['*.10', 'eth0.10', true],
    ['*.10', 'eth0x10', false],
    ['wlp2s0+', 'wlp2s00', false],
    ['a|b', 'a', false],
    ['[ab]', 'a', false],
    ['(a)', '(a)', true],
    ['', '', true],
  ] as const)
    assert.equal(matches(glob, name), expected, `${glob} ${name}`);
});

test('a word without * and ? matches exactly itself, whatever characters it has', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (word, other) => {
      fc.pre(!/[*?\n]/.test(word));
      assert.ok(matches(word, word));
      assert.equal(matches(word, other), word === other);
    }),
  );
});

const selectedBy = (...words: string[]) =>
  new Devices(machine(), [here], words).selected.map(({ link }) => link.name);

test('-i words select; none, or "any", is every device', () => {
  assert.equal(selectedBy().length, 9);
  assert.equal(selectedBy('any').length, 9);
  assert.equal(selectedBy('lo', 'any').length, 9);
  assert.deepEqual(selectedBy('lo', 'right*'), ['lo', 'right', 'right-more']);
  assert.deepEqual(selectedBy('t??0'), ['tun0', 'tap0']);
  assert.deepEqual(selectedBy(String(ifindexes.mv0), 'lo'), ['lo', 'mv0']);
  assert.throws(() => selectedBy('4242'), /no interface '4242'/);
  assert.equal(new Devices(machine(), [here], ['lo', 'any']).selectsAll, true);
  assert.equal(new Devices(machine(), [here], ['lo']).selectsAll, false);
});

test('a device that is not there is a usage error that names those that are; a glob may match later', () => {
  assert.throws(
    () => new Devices(machine(), [here], ['eth7']),
    (error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.message, "no interface 'eth7'");
      assert.match(error.hint ?? '', /: lo, right, left, fifteen-letters, /);
      return true;
    },
  );
  assert.throws(() => new Devices(machine(), [elsewhere], ['eth7']), /no interface 'eth7' in namespace blue/);
  assert.throws(() => new Devices(machine(), [here], ['\u001b[2J']), /no interface '\\x1b\[2J'/);
  assert.deepEqual(selectedBy('eth*'), []);
});

test('names, with the namespace where there are several', () => {
  const one = new Devices(machine(), [here], []);
  assert.equal(one.label(here.inum, ifindexes.mv0), 'mv0');
  const two = new Devices(machine(), [here, elsewhere], []);
  assert.equal(two.name(elsewhere.inum, ifindexes.mv0), 'mv0');
  assert.equal(two.label(elsewhere.inum, ifindexes.mv0), 'mv0@blue');
  assert.equal(two.name(here.inum, 99), undefined);
  assert.equal(two.label(99, ifindexes.mv0), undefined);
});

test('devices come and go, and a name stays for events that are still on their way', () => {
  const { mv0, tun0 } = ifindexes;
  let reply = linksReply([mv0]);
  const devices = new Devices(machine({ netlink: () => reply }), [here], []);
  const refresh = (without: number[]) => {
    reply = linksReply(without);
    const { added, removed } = devices.refresh();
    return { added: added.map(({ link }) => link.name), removed: removed.map(({ link }) => link.name) };
  };
  assert.deepEqual(refresh([mv0]), { added: [], removed: [] });
  assert.deepEqual(refresh([]), { added: ['mv0'], removed: [] });
  assert.deepEqual(refresh([tun0]), { added: [], removed: ['tun0'] });
  assert.deepEqual(refresh([tun0]), { added: [], removed: [] });
  assert.equal(devices.name(here.inum, tun0), 'tun0');
  assert.deepEqual(refresh([]), { added: ['tun0'], removed: [] });
  assert.deepEqual(refresh([tun0]), { added: [], removed: ['tun0'] });
});

test('a device with another name is told, unless it was asked for by the name it had', () => {
  const renamedTo = (name: string, words: string[]) => {
    let reply = linksReply();
    const devices = new Devices(machine({ netlink: () => reply }), [here], words);
    const changed = Buffer.from(reply);
    changed.write(name, changed.indexOf('mv0\0'), 'latin1');
    reply = new Uint8Array(changed);
    const renamed = devices.refresh().renamed.map(({ link }) => link.name);
    assert.deepEqual(devices.refresh().renamed, [], 'once');
    return { renamed, isSelected: devices.isSelectedAt(here.inum, ifindexes.mv0) };
  };
  assert.deepEqual(renamedTo('xy7', ['xy?']), { renamed: ['xy7'], isSelected: true });
  assert.deepEqual(renamedTo('xy7', ['mv0']), { renamed: [], isSelected: true });
  assert.deepEqual(renamedTo('mv0', ['mv0']), { renamed: [], isSelected: true });
});

test('something is left as long as a selected device is there', () => {
  let reply = linksReply();
  const devices = new Devices(machine({ netlink: () => reply }), [here], ['mv0', 'tun0']);
  for (const [without, left] of [
    [[ifindexes.mv0], true],
    [[ifindexes.mv0, ifindexes.tun0], false],
    [[ifindexes.tun0], true],
  ] as const) {
    reply = linksReply(without);
    devices.refresh();
    assert.equal(devices.anyLeft, left, without.join());
  }
});

test('a namespace whose path is gone is told once, with its devices', () => {
  const devices = new Devices(machine(), [here, elsewhere], []);
  const first = devices.refresh();
  assert.deepEqual(first.goneNetns, [elsewhere]);
  assert.equal(first.removed.length, 9);
  assert.ok(first.removed.every(({ netns }) => netns === elsewhere));
  assert.deepEqual(devices.refresh(), { added: [], removed: [], renamed: [], goneNetns: [] });
  assert.deepEqual(devices.netns, [here]);
});

test('where all namespaces are wanted, new ones are found', () => {
  let found = [here];
  const devices = new Devices(machine(), [here], [], () => found);
  found = [here, elsewhere];
  assert.equal(devices.refresh().added.length, 9);
  assert.equal(devices.label(here.inum, 1), 'lo@own');
  found = [here];
  assert.deepEqual(devices.refresh().goneNetns, [elsewhere]);
});
