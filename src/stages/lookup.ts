/** Finding rows by id, number, or the words that --stages accepts. */
import { editDistance } from '../edit-distance.js';
import { stages } from './table.js';
import type { Stage, StageGroup, StageId } from './types.js';

const byId: ReadonlyMap<string, Stage> = new Map(stages.map((stage) => [stage.id, stage]));
const byNumber: ReadonlyMap<number, Stage> = new Map(stages.map((stage) => [stage.number, stage]));

const groups: Readonly<Record<StageGroup, (stage: Stage) => boolean>> = {
  taps: (stage) => stage.group === 'taps',
  netfilter: (stage) => stage.group === 'netfilter',
  path: (stage) => stage.inPath,
  all: () => true,
};

/** Every word that --stages accepts: groups first, then ids in path order. */
export const stageWords: readonly string[] = [...Object.keys(groups), ...byId.keys()];

/** A word that names neither a stage nor a group; `nearest` holds what the user may have meant. */
export class UnknownStageError extends Error {
  override readonly name = 'UnknownStageError';

  constructor(
    readonly word: string,
    readonly nearest: readonly string[],
  ) {
    const guess =
      nearest.length > 0 ? `did you mean ${nearest.join(' or ')}?` : 'no stage has a name like it';
    super(`unknown stage '${word}': ${guess} (known: ${stageWords.join(', ')})`);
  }
}

export function isStageId(word: string): word is StageId {
  return byId.has(word);
}

export function stageById(id: StageId): Stage {
  const stage = byId.get(id);
  if (stage === undefined) throw new Error(`stage ${id} is missing from the table`);
  return stage;
}

/** The row of a number found in a record; undefined where a newer version wrote a stage we do not know. */
export function stageByNumber(number: number): Stage | undefined {
  return byNumber.get(number);
}

/** The stages that words name (ids, groups, comma lists of both), in path order, each once. */
export function expandStages(words: readonly string[]): { stages: Stage[] } {
  const tests = words.flatMap((word) => word.split(',')).map((word) => testOf(word.trim()));
  return { stages: stages.filter((stage) => tests.some((test) => test(stage))) };
}

function testOf(word: string): (stage: Stage) => boolean {
  if (Object.hasOwn(groups, word)) return groups[word as StageGroup];
  if (isStageId(word)) return (stage) => stage.id === word;
  throw new UnknownStageError(word, nearestWords(word));
}

const farthestTypo = 2;

function nearestWords(word: string): string[] {
  const measured = stageWords.map((known) => ({ known, distance: editDistance(word, known) }));
  const best = Math.min(...measured.map(({ distance }) => distance));
  if (best <= farthestTypo)
    return measured.filter(({ distance }) => distance === best).map(({ known }) => known);
  // "tap", "qdisc", "output": a part of a name is a likelier slip than three wrong letters
  return word.length < 2 ? [] : stageWords.filter((known) => known.includes(word)).slice(0, 4);
}
