/** From the names of drop reasons to their numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MissingError, UsageError } from '../../../src/errors.js';
import { nearNames, reasonNumbers } from '../../../src/system/reason-numbers.js';

const known = new Map([
  ['NOT_SPECIFIED', 2],
  ['NO_SOCKET', 3],
  ['SOCKET_FILTER', 5],
  ['SOCKET_RCVBUFF', 6],
  ['NETFILTER_DROP', 8],
  ['OPENVSWITCH EXPLICIT', 0x30001],
]);

test('names are what drop events show, in any case, also as the kernel declares them', () => {
  const asked = ['NO_SOCKET', 'netfilter_drop', 'SKB_DROP_REASON_SOCKET_FILTER', 'openvswitch explicit'];
  assert.deepEqual(reasonNumbers(asked, known), [3, 8, 5, 0x30001]);
  assert.deepEqual(reasonNumbers([], new Map()), []);
});

test('an unknown name is refused with those that are near', () => {
  const refused = (name: string) => {
    try {
      reasonNumbers([name], known);
    } catch (error) {
      assert.ok(error instanceof UsageError);
      return error;
    }
    return assert.fail(`${name} was accepted`);
  };
  assert.match(refused('NO_SOKET').message, /^--reason NO_SOKET: this kernel has no such drop reason/);
  assert.match(refused('NO_SOKET').hint ?? '', /did you mean NO_SOCKET/);
  assert.match(refused('XYZZY').hint ?? '', /names are those/);
  assert.deepEqual(nearNames('SOCKET', [...known.keys()]), ['NO_SOCKET', 'SOCKET_FILTER', 'SOCKET_RCVBUFF']);
});

test('a kernel without reasons lacks a feature', () => {
  assert.throws(() => reasonNumbers(['NO_SOCKET'], new Map()), MissingError);
});
