/** What watches the taps when nothing is asked for, on each kernel: the functions themselves wherever possible. */
import { isConfidential, isSince } from './situation.js';

export interface Default {
  readonly stage: 'rx-tap' | 'tx-tap';
  readonly mechanism: string;
  /** As events name it. */
  readonly function: string;
}

const core = '__netif_receive_skb_core';
const coreSymbol = isSince('6.1') ? `${core}.constprop.0` : core;

function receive(): Default {
  if (isConfidential) return { stage: 'rx-tap', mechanism: 'tp_btf', function: coreSymbol };
  const mechanism = isSince('6.1') ? 'kprobe' : 'fentry';
  return { stage: 'rx-tap', mechanism, function: coreSymbol };
}

/** Bytes come first: from 6.12 on, where the tracepoint behind the tap gets them and fentry does not. */
function transmit(): Default {
  if (isConfidential && isSince('6.12'))
    return { stage: 'tx-tap', mechanism: 'inferred', function: 'dev_hard_start_xmit' };
  return { stage: 'tx-tap', mechanism: 'fentry', function: 'dev_queue_xmit_nit' };
}

export const defaults: readonly Default[] = [receive(), transmit()];
