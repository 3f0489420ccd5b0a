/** A journey as one JSON line. */
import { changesOf } from '../explain/changes.js';
import { dropPlace } from '../explain/drop.js';
import type { StepFacts } from '../explain/facts.js';
import { type ExplainContext, Scene } from '../explain/scene.js';
import { truthsOf } from '../explain/truths.js';
import type { Branch, Journey } from '../journey/journey.js';
import { StepReader } from '../journey/step.js';
import type { EndFacts, JourneyEnd, JourneyLine } from '../lines/journey.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import { ByteWriter } from './byte-writer.js';
import { EventJson } from './event-json.js';
import { type ContextHeader, explainContext } from './path-context.js';

/** The end of one sk_buff; every key but `stage` absent where it is not known. */
function endOf(scene: Scene, { end }: Branch): EndFacts | undefined {
  const facts: StepFacts | undefined = end && scene.steps[scene.at(end)];
  if (!end || !facts) return undefined;
  const { reason, location, death: diedIn } = facts;
  const chains = end.stage.id === 'drop' ? dropPlace(scene, facts).chains : [];
  return {
    stage: end.stage.id,
    at: scene.at(end),
    reason,
    location,
    diedIn,
    ...(chains.length > 0 && { chains }),
  };
}

/** Of the packet itself: that of its first sk_buff, or where that had none, of the last one that is no tap's clone. */
function journeyEnd(scene: Scene): JourneyEnd {
  const { branches, closed } = scene.journey;
  const own = branches.filter((_, index) => !scene.isForTap(index));
  const ended = branches[0]?.end ? branches[0] : own.findLast(({ end }) => end);
  return { closed, ...(ended && endOf(scene, ended)) };
}

export class PathJson {
  private readonly reader = new StepReader();
  private readonly out = new ByteWriter();
  private events!: EventJson;
  private context!: ExplainContext;

  /** `withHash`: the packet hash is among the changes. */
  constructor(private readonly withHash = false) {}

  header(header: ContextHeader): void {
    this.events = new EventJson(header.names, this.out);
    this.context = explainContext(header);
  }

  gap({ netnsInum }: HookGap): void {
    this.context.unreached.forget(netnsInum);
  }

  journey(journey: Journey): string {
    const { out } = this;
    out.reset(true);
    out.ascii(`{"type":"journey","packet":${journey.packet},"events":[`);
    for (const [index, step] of journey.steps.entries()) {
      if (index > 0) out.ascii(',');
      const { branch, guess, rules } = step;
      this.events.object(this.reader.open(step), { packet: journey.packet, branch, guess, rules });
    }
    out.ascii('],');
    out.text(JSON.stringify(this.explanation(journey)).slice(1));
    out.ascii('\n');
    return Buffer.from(out.bytes).toString('utf8');
  }

  private explanation(journey: Journey): Omit<JourneyLine, 'type' | 'packet' | 'events'> {
    const scene = new Scene(journey, this.context, this.reader);
    const { parents, children } = journey;
    return {
      changes: changesOf(journey, scene.steps, this.context.names, this.withHash),
      truths: truthsOf(scene),
      branches: journey.branches.map((branch) => {
        const { kind, from } = branch;
        return { kind, from, end: endOf(scene, branch) };
      }),
      parents,
      children,
      end: journeyEnd(scene),
    };
  }
}
