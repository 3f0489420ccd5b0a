/** How pcapng files of ours say where a packet was seen: the words are made here, and understood again. */
import type { Attachment } from '../attach/plan.js';
import { isStageId, stageById } from '../stages/lookup.js';
import type { Mechanism, Stage, StageId } from '../stages/types.js';
import type { CaptureInterface } from './capture.js';

const program = 'taptrace ';
const noDevice = 'no device';
const probe = ', a probe of ours';
const unknown = 'unknown';

/** The program as section headers name it. */
export const applicationName = (version: string): string => `${program}${version}`;

/** Where packets of an interface were seen, as far as its file tells. */
export interface Place {
  readonly device?: string | undefined;
  readonly stage?: Stage | undefined;
  readonly function?: string | undefined;
  readonly mechanism?: Mechanism | undefined;
  /** False: by a probe that others could see. */
  readonly observed?: boolean | undefined;
  /** Inode number. */
  readonly netns?: number | undefined;
}

export interface PlaceFacts {
  readonly stage: Stage;
  readonly device: string | undefined;
  /** 0: not known. */
  readonly netns: number;
  readonly attachment: Pick<Attachment, 'function' | 'mechanism' | 'target' | 'observed'>;
}

/** Name and description of an interface. */
export function placeWords({ stage, device, netns, attachment }: PlaceFacts): {
  name: string;
  description: string;
} {
  const { function: name, mechanism, target, observed } = attachment;
  return {
    name: `${stage.id}@${device ?? noDevice}`,
    description: `${name} by ${mechanism} ${target}${observed ? '' : probe}; namespace ${netns || unknown}`,
  };
}

const described = /^(\S+) by (\S+) .*; namespace (\d+|unknown)$/;

/** What placeWords made, whichever program has copied it; of other interfaces the device alone. */
export function placeOf({ name, description = '' }: CaptureInterface): Place {
  const [, stage = '', device] = /^(.*?)@(.*)$/.exec(name ?? '') ?? [];
  const found = described.exec(description);
  if (!found || !isStageId(stage)) return { device: name };
  const [, where, mechanism, netns] = found;
  return {
    ...{ stage: stageById(stage), device: device === noDevice ? undefined : device, function: where },
    ...{ mechanism: mechanism as Mechanism, observed: !description.includes(probe) },
    netns: netns === unknown ? undefined : Number(netns),
  };
}

/** What a packet's comment begins with: its interface says the same. */
export const commentStart = (place: { stage: StageId; function: string }): string =>
  `${place.stage} in ${place.function}`;

/** What a comment says beyond its place. */
export function remarksOf(comment: string, { stage, function: name }: Place): string {
  if (!stage || name === undefined) return comment;
  const start = commentStart({ stage: stage.id, function: name });
  return comment.startsWith(start) ? comment.slice(start.length).replace(/^; /, '') : comment;
}
