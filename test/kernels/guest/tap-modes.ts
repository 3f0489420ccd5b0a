/** The ways in which taptrace watches the taps here: by default, armed, and by every rung of both ladders. */
import type { Direction } from '../../support/compare.js';
import type { Mode } from '../../support/traced.js';
import { builtRungs, mustWork, type RungOf, rungName, seesBytes } from './rungs.js';
import { isSince, passiveSeesBytes, situation } from './situation.js';

export interface TapMode extends Mode {
  readonly name: string;
  /** Mechanisms of all events, where they were chosen by option. */
  readonly rungs: readonly RungOf[];
}

/** One process for both ends, since starting one takes ten seconds. */
const common = { snaplen: 0, together: true, missesCounted: false } as const;

/** Behind a kprobe, of which not all misses are counted, stands the tracepoint; 5.10 counts none at all. */
const whole = { ...common, missesCounted: isSince('6.1'), rungs: [] } as const;

const byDefault: TapMode = {
  ...{ ...whole, name: 'passive', arm: false },
  blind: passiveSeesBytes ? [] : ['rx', 'tx'],
};

const armed: TapMode = { ...whole, name: '--arm', arm: true };

/** Both ladders side by side, the shorter one from its start again: each rung is in one mode at least. */
function rungModes(): TapMode[] {
  const works = (stage: string) => builtRungs.filter((rung) => rung.stage === stage && mustWork(rung));
  const [rx, tx] = [works('rx-tap'), works('tx-tap')];
  const [sockets, others] = [isSocket, (rung: RungOf) => !isSocket(rung)].map((kind) => ({
    rx: rx.filter(kind),
    tx: tx.filter(kind),
  }));
  return [sockets!, others!].flatMap(pairs).map(rungMode);
}

function isSocket({ mechanism }: RungOf): boolean {
  return mechanism === 'packet_socket';
}

function pairs({ rx, tx }: { rx: readonly RungOf[]; tx: readonly RungOf[] }): RungOf[][] {
  const count = Math.max(rx.length, tx.length);
  return Array.from({ length: count }, (_, at) => [rx[at % rx.length]!, tx[at % tx.length]!]);
}

function rungMode(rungs: readonly RungOf[]): TapMode {
  const arm = rungs.some(isSocket);
  const args = rungs.flatMap((rung) => ['--mechanism', rungName(rung)]);
  const blind = rungs.filter((rung) => !seesBytes(rung)).map(({ stage }) => directionAt(stage));
  return { ...common, name: rungs.map(rungName).join(', '), arm, args, blind, rungs };
}

function directionAt(stage: string): Direction {
  return stage === 'rx-tap' ? 'rx' : 'tx';
}

/** Every rung has the packet sockets of --arm among them. */
export const tapModes: readonly TapMode[] = [byDefault, ...(situation.everyRung ? rungModes() : [armed])];
