import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  findSymbols,
  KernelSymbols,
  readKallsyms,
  SymbolTable,
  symbolAddress,
} from '../../../src/system/symbols.js';
import { binding } from '../support/machine.js';

const kallsyms = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81001000 T ip_rcv
ffffffff81001100 t ip_rcv_core
ffffffff81001200 t __netif_receive_skb_core.constprop.0
ffffffff81001f00 t __netif_receive_skb_core.constprop.0.cold
ffffffff81002000 T dev_queue_xmit_nit
ffffffff81002080 D ip_rcv_data
ffffffff81002100 d ip_rcv
ffffffff81003000 W weak_text
ffffffffc0000000 t nft_do_chain\t[nf_tables]
ffffffffc0000100 t nft_do_chain.isra.0\t[nf_tables]
ffffffffc0000200 t other_ip_rcv\t[other]
`;

const find = (...names: string[]) => findSymbols(Buffer.from(kallsyms), names);

test('a function is found by its name alone, or with a suffix', () => {
  assert.deepEqual(find('ip_rcv', 'dev_queue_xmit_nit', '_stext'), {
    ip_rcv: ['ip_rcv'],
    dev_queue_xmit_nit: ['dev_queue_xmit_nit'],
    _stext: ['_stext'],
  });
  assert.deepEqual(find('__netif_receive_skb_core').__netif_receive_skb_core, [
    '__netif_receive_skb_core.constprop.0',
    '__netif_receive_skb_core.constprop.0.cold',
  ]);
});

test('symbols of modules are found without the name of the module', () => {
  assert.deepEqual(find('nft_do_chain').nft_do_chain, ['nft_do_chain', 'nft_do_chain.isra.0']);
});

test('what is not there, is data, or only ends or begins alike is not found', () => {
  assert.deepEqual(find('ip_rcv_data', 'rcv', 'ip_rc', 'netif_receive_skb_core'), {
    ip_rcv_data: [],
    rcv: [],
    ip_rc: [],
    netif_receive_skb_core: [],
  });
  assert.deepEqual(findSymbols(Buffer.alloc(0), ['ip_rcv']), { ip_rcv: [] });
});

test('the last line needs no newline', () => {
  assert.deepEqual(findSymbols(Buffer.from('ffffffff81001000 T ip_rcv'), ['ip_rcv']), { ip_rcv: ['ip_rcv'] });
});

test('kallsyms that cannot be read has no symbols', () => {
  const readFile = (): Uint8Array => {
    throw new Error('EACCES');
  };
  assert.equal(readKallsyms(binding({ readFile })).length, 0);
});

test('the address of a symbol of any kind, 0 where it is hidden or there is none', () => {
  const text = Buffer.from(
    'ffffffff81001000 T ip_rcv\nffffffff82f4c0f0 D vmemmap_base\n0000000000000000 D hidden\n',
  );
  assert.equal(symbolAddress(text, 'vmemmap_base'), 0xffffffff82f4c0f0n);
  assert.equal(symbolAddress(text, 'ip_rcv'), 0xffffffff81001000n);
  assert.equal(symbolAddress(text, 'hidden'), 0n);
  assert.equal(symbolAddress(text, 'base'), 0n);
  assert.equal(symbolAddress(Buffer.from('D ip_rcv\n'), 'ip_rcv'), 0n);
});

test('an address is told by the text symbol before it', () => {
  const table = SymbolTable.parse(kallsyms);
  assert.equal(table.describe(0xffffffff81001000n), 'ip_rcv+0x0');
  assert.equal(table.describe(0xffffffff810010ffn), 'ip_rcv+0xff');
  assert.equal(table.describe(0xffffffff81001100n), 'ip_rcv_core+0x0');
  assert.equal(table.describe(0xffffffff81002085n), 'dev_queue_xmit_nit+0x85');
  assert.equal(table.describe(0xffffffff81003001n), 'weak_text+0x1');
  assert.equal(table.describe(0xffffffffc0000010n), 'nft_do_chain [nf_tables]+0x10');
});

test('an address before all symbols stays a number', () => {
  assert.equal(SymbolTable.parse(kallsyms).describe(0xffffffff80ffffffn), '0xffffffff80ffffff');
  assert.equal(SymbolTable.parse('').describe(0xffffffff81000000n), '0xffffffff81000000');
});

test('hidden addresses (all zero) tell nothing', () => {
  const hidden = kallsyms.replace(/^[0-9a-f]{16}/gm, '0'.repeat(16));
  assert.equal(SymbolTable.parse(hidden).describe(0xffffffff81001000n), '0xffffffff81001000');
});

test('lines in any order', () => {
  const table = SymbolTable.parse(kallsyms.trim().split('\n').toReversed().join('\n'));
  assert.equal(table.describe(0xffffffff81001150n), 'ip_rcv_core+0x50');
});

const directory = mkdtempSync(join(tmpdir(), 'taptrace-symbols-'));
after(() => rmSync(directory, { recursive: true }));

/** The file as it was opened, whatever its name means afterwards. */
function opened(text: string): KernelSymbols {
  const path = join(directory, 'kallsyms');
  writeFileSync(path, text);
  const symbols = new KernelSymbols(path);
  rmSync(path);
  return symbols;
}

test('addresses are named from the file that was opened at first, read when it is needed', () => {
  const symbols = opened(kallsyms);
  assert.equal(symbols.areHidden, false);
  assert.equal(symbols.describe(0xffffffff81001001n), 'ip_rcv+0x1');
  assert.equal(symbols.describe(0xffffffff81002001n), 'dev_queue_xmit_nit+0x1');
  symbols.close();
});

test('whether addresses are hidden: some are zero anyway', () => {
  const hidden = opened(kallsyms.replace(/^[0-9a-f]{16}/gm, '0'.repeat(16)));
  assert.equal(hidden.areHidden, true);
  assert.equal(hidden.describe(0x1234n), '0x1234');
  const missing = new KernelSymbols(join(directory, 'missing'));
  assert.equal(missing.areHidden, true);
  assert.equal(missing.describe(0x1234n), '0x1234');
});

test('closed or read: no descriptor stays', () => {
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  const [read, closed] = [opened(kallsyms), opened(kallsyms)];
  read.describe(0n);
  closed.close();
  closed.close();
  assert.equal(descriptors(), before);
  assert.equal(closed.describe(0x1234n), '0x1234');
});
