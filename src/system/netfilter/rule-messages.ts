/** The messages of nft's tracing as the kernel sends them. */
import { familyOf } from '../../netfilter/hooks.js';
import { netfilterVerdicts, type RuleTrace } from '../../netfilter/rule-trace.js';
import { attributeBe32, attributeBe64, attributes, attributeText, type NetlinkMessage } from '../netlink.js';

const nfgenmsgBytes = 4;
const NFT_MSG_TRACE = (10 << 8) | 17;
const NFTA_TRACE = {
  ...{ table: 1, chain: 2, handle: 3, type: 4, verdict: 5, id: 6, network: 8, transport: 9, oif: 12 },
  ...{ nfproto: 15, policy: 16 },
};
const NFTA_VERDICT = { code: 1, chain: 2 };
const NFT_TRACETYPE_POLICY = 1;
/** NFT_* of linux/netfilter/nf_tables.h, from -1 down. */
const controls = ['continue', 'break', 'jump', 'goto', 'return'];

function verdictText(code: number, chain: string | undefined): string {
  // The upper bits of verdicts are a queue's number or an error.
  const word = code < 0 ? controls[-code - 1] : netfilterVerdicts[code & 0xff];
  if (word === undefined) return `verdict ${code}`;
  return chain === undefined ? word : `${word} ${chain}`;
}

function verdictOf(values: ReadonlyMap<number, DataView>): string | undefined {
  const policy = attributeBe32(values.get(NFTA_TRACE.policy));
  if (policy !== undefined) return verdictText(policy | 0, undefined);
  const nested = values.get(NFTA_TRACE.verdict);
  if (!nested) return undefined;
  const verdict = attributes(nested, 0);
  const code = attributeBe32(verdict.get(NFTA_VERDICT.code));
  return code === undefined
    ? undefined
    : verdictText(code | 0, attributeText(verdict.get(NFTA_VERDICT.chain)));
}

/** A copy: the reply's memory is used again. */
function bytesOf(value: DataView | undefined): Uint8Array | undefined {
  return value && new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
}

/** Undefined for messages of another type, and for those that lack what makes them one. */
export function parseRuleTrace({ type, payload }: NetlinkMessage): RuleTrace | undefined {
  if (type !== NFT_MSG_TRACE) return undefined;
  const values = attributes(payload, nfgenmsgBytes);
  const family = familyOf(payload.getUint8(0));
  const isPolicy = attributeBe32(values.get(NFTA_TRACE.type)) === NFT_TRACETYPE_POLICY;
  const id = attributeBe32(values.get(NFTA_TRACE.id));
  const table = attributeText(values.get(NFTA_TRACE.table));
  const chain = attributeText(values.get(NFTA_TRACE.chain));
  if (!family || id === undefined || table === undefined || chain === undefined) return undefined;
  const handle = attributeBe64(values.get(NFTA_TRACE.handle));
  const verdict = verdictOf(values);
  const [network, transport] = [NFTA_TRACE.network, NFTA_TRACE.transport].map((at) =>
    bytesOf(values.get(at)),
  );
  return {
    ...{ family, table, chain, id },
    // The end of a chain is told as if it were a rule of it, one without a handle.
    kind: isPolicy ? 'policy' : handle === undefined ? 'end' : 'rule',
    nfproto: attributeBe32(values.get(NFTA_TRACE.nfproto)) ?? 0,
    goesOut: values.has(NFTA_TRACE.oif),
    ...(handle !== undefined && { handle }),
    ...(verdict !== undefined && { verdict }),
    ...(network && { network }),
    ...(transport && { transport }),
  };
}
