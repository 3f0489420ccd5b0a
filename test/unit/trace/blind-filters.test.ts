/** Where which question has no answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blindFilterNotes } from '../../../src/trace/blind-filters.js';
import type { TraceOptions } from '../../../src/trace/options.js';
import type { PacketSelection } from '../../../src/trace/packet-selection.js';
import { v510, v612 } from '../attach/kernels.js';
import { plan } from '../attach/requests.js';

function notes(
  where: ReturnType<typeof plan>,
  selection: PacketSelection,
  follow?: TraceOptions['follow'],
): string[] {
  return blindFilterNotes(where, { selection, interfaces: [], ...(follow && { follow }) } as never);
}

test('packets are followed from where they match, or all are looked at: either is told', () => {
  const [taps, follow] = [plan('taps', v612), 'packets' as const];
  const told = (options: Partial<TraceOptions>) =>
    blindFilterNotes(taps, { interfaces: [], follow, ...options } as never);
  assert.deepEqual(told({}), []);
  assert.deepEqual(told({ interfaces: ['any'] }), []);
  for (const options of [{ filter: 'udp' }, { interfaces: ['lo'] }, { selection: { minLen: 1 } }])
    assert.match(told(options).join(), /^packets are followed from where they first match; .*--look-back/);
  assert.match(told({ filter: 'udp', lookBack: true }).join(), /^--look-back takes every packet/);
  assert.match(
    told({ selection: { reasons: ['X'] }, lookBack: true }).join(),
    /^--reason is known at the end/,
  );
});

test('what every stage can tell is not mentioned', () => {
  const all = plan('taps,nf-output,drop', v612);
  assert.deepEqual(notes(all, {}), []);
  assert.deepEqual(notes(all, { mark: { value: 1, mask: 1 }, pids: [1], minLen: 1, sample: 2 }), []);
});

test('of the driver an address is all there is', () => {
  const [note, ...more] = notes(plan('tx-tap,xmit-done', v612), { mark: { value: 1, mask: 1 } });
  assert.match(note!, /^--mark is not decidable at xmit-done \(.*\): nothing matches there$/);
  assert.deepEqual(more, []);
});

test('sockets are looked up late on the way in', () => {
  const [note] = notes(plan('rx-tap,nf-input,l4-rcv,tx-tap', v612), { uids: [0] }, 'events');
  assert.match(note!, /^--uid is not decidable at rx-tap, nf-input \(/);
  assert.match(note!, /; what matched elsewhere is followed$/);
});

test("a socket filter that knows its context alone knows no task, and nobody's address", () => {
  const armed = plan('taps', v510, { arm: true });
  const told = notes(armed, { pids: [1], mark: { value: 1, mask: 1 } }, 'events');
  assert.ok(
    told.some((note) => note.startsWith('--pid is not decidable at rx-tap, tx-tap (')),
    told.join(),
  );
  assert.ok(
    told.some((note) => note.startsWith('not followed at rx-tap, tx-tap (')),
    told.join(),
  );
  assert.ok(!told.some((note) => note.startsWith('--mark')), told.join());
});
