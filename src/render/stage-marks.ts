/** How the state of a stage is shown: one mark and one short phrase, the same in the map and on a stage's page. */
import type { Colors } from 'picocolors/types.js';
import type { StageWatch } from '../stages/report.js';

export type WatchKind = 'passive' | 'probe' | 'inferred' | 'none';

export const marks: Readonly<Record<WatchKind, { mark: string; legend: string }>> = {
  passive: { mark: '●', legend: 'watched passively' },
  probe: { mark: '◆', legend: 'watched by a probe of ours, which others can see' },
  inferred: { mark: '◌', legend: 'inferred from a neighbour on the path' },
  none: { mark: '○', legend: 'not watched' },
};

export function watchKind(watch: StageWatch): WatchKind {
  if (watch.mechanism === undefined) return 'none';
  if (watch.mechanism === 'inferred' || watch.mechanism === 'counted') return 'inferred';
  return watch.observed === false ? 'probe' : 'passive';
}

/** The mechanism in a few words, or why there is none. */
export function watchPhrase(watch: StageWatch): string {
  if (watch.mechanism === undefined) return watch.reason;
  if (watch.mechanism === 'counted') return `counted from ${watch.target}`;
  if (watch.mechanism === 'inferred') return `inferred from ${watch.target ?? 'its neighbours'}`;
  const names = watch.targets ?? (watch.target === undefined ? [] : [watch.target]);
  return [watch.mechanism, firstOf(names)].join(' ').trimEnd();
}

/** The first of several functions stands for all. */
export function firstOf([first = '', ...others]: readonly string[]): string {
  return others.length > 0 ? `${first} and ${others.length} more` : first;
}

export function paintWatch(colours: Colors, kind: WatchKind): (text: string) => string {
  const painters = {
    passive: colours.green,
    probe: colours.yellow,
    inferred: colours.cyan,
    none: colours.dim,
  };
  return painters[kind];
}
