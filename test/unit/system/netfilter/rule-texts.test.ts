/** Rules by their handles, out of what nft prints. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RuleTexts, rulesIn } from '../../../../src/system/netfilter/rule-texts.js';
import { nativeError } from '../../support/kernel-that-refuses.js';

/** As `nft -a -s -t list chain` prints it (1.0.6); the set's elements on lines of their own as older versions do. */
const LISTING = `table inet filter {
	chain in { # handle 2
		comment "my chain"
		type filter hook input priority filter; policy accept;
		ip saddr { 10.0.0.1, 10.0.0.2,
			   10.0.0.3 } counter accept comment "a # handle 9" # handle 8
		tcp dport 80 counter drop # handle 9
		ct state new jump tr # handle 10
	}
}
`;

describe('rules in a listing', () => {
  it('are found by their handles, on one line', () => {
    assert.deepEqual(
      [...rulesIn(LISTING)],
      [
        [8, 'ip saddr { 10.0.0.1, 10.0.0.2, 10.0.0.3 } counter accept comment "a # handle 9"'],
        [9, 'tcp dport 80 counter drop'],
        [10, 'ct state new jump tr'],
      ],
    );
  });

  it('are none where there are none', () => {
    for (const text of ['', 'table ip x {\n\tchain c { # handle 1\n\t}\n}\n'])
      assert.equal(rulesIn(text).size, 0);
  });
});

describe('texts of rules', () => {
  const asked: string[] = [];
  const texts = (answer: () => string | null): RuleTexts =>
    new RuleTexts(
      {
        nftListChain: (netns, chain) => {
          asked.push(`${netns} ${chain}`);
          return answer();
        },
      },
      '/run/netns/x',
    );
  const chain = { family: 'inet', table: 'filter', chain: 'in' };

  it('are asked for once a chain', () => {
    asked.length = 0;
    const some = texts(() => LISTING);
    assert.equal(some.text(chain, 9), 'tcp dport 80 counter drop');
    assert.equal(some.text(chain, 10), 'ct state new jump tr');
    assert.equal(some.text(chain, 11), undefined);
    assert.deepEqual(asked, ['/run/netns/x inet filter in']);
  });

  it('are not asked for where a name is more than a name to nft', () => {
    asked.length = 0;
    const some = texts(() => LISTING);
    for (const name of ['in; flush ruleset', 'in\nflush ruleset', 'a b', '{', ''])
      assert.equal(some.text({ ...chain, chain: name }, 9), undefined);
    assert.deepEqual(asked, []);
  });

  it('are not known without libnftables, or when the chain is gone', () => {
    assert.equal(texts(() => null).text(chain, 9), undefined);
    const gone = texts(() => {
      throw nativeError('nft list chain', 'ENOENT');
    });
    assert.equal(gone.text(chain, 9), undefined);
  });
});
