/** Rules in nft's own words, by their handles. */
import { isNativeError, type NativeBinding } from '../../native/binding.js';

type Binding = Pick<NativeBinding, 'nftListChain'>;

/** Families, and names that are nothing but a name to nft's parser: the list is asked for in its language. */
const plainName = /^[A-Za-z][\w./-]*$/;

const ruleLine = /^\t\t(?<text>\S.*) # handle (?<handle>\d+)$/s;

/** Takes the rules out of what `nft -a list chain` prints. A rule may go on on lines that are further indented. */
export function rulesIn(listing: string): Map<number, string> {
  const rules = new Map<number, string>();
  for (const line of listing.split(/\n(?!\t\t\s)/)) {
    const { text, handle } = ruleLine.exec(line)?.groups ?? {};
    if (text !== undefined) rules.set(Number(handle), text.replace(/\n\s+/g, ' '));
  }
  return rules;
}

export interface ChainOfRules {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
}

/** Of one namespace and one generation of its ruleset. Each chain is asked for once. */
export class RuleTexts {
  private readonly chains = new Map<string, ReadonlyMap<number, string>>();

  constructor(
    private readonly native: Binding,
    private readonly netnsPath: string | null,
  ) {}

  text({ family, table, chain }: ChainOfRules, handle: number): string | undefined {
    const key = `${family} ${table} ${chain}`;
    const known = this.chains.get(key) ?? this.list({ family, table, chain });
    this.chains.set(key, known);
    return known.get(handle);
  }

  private list({ family, table, chain }: ChainOfRules): ReadonlyMap<number, string> {
    if (![table, chain].every((name) => plainName.test(name))) return new Map();
    try {
      return rulesIn(this.native.nftListChain(this.netnsPath, `${family} ${table} ${chain}`) ?? '');
    } catch (error) {
      // The chain has gone meanwhile, or nft has another meaning for its name.
      if (isNativeError(error)) return new Map();
      throw error;
    }
  }
}
