/** Recordings read inside the test's own process. */
import type { RuleTraces } from '../../../src/netfilter/rule-trace.js';
import { RecordedDevices } from '../../../src/record/recorded.js';
import { Recording } from '../../../src/record/recording.js';
import { Replay } from '../../../src/record/replay.js';
import type { TraceSummary } from '../../../src/trace/trace.js';

export const fixture = (name: string): string => `test/fixtures/record/${name}.taptrace`;

export interface Replayed {
  readonly summary: TraceSummary;
  /** Stage and time of each event. */
  readonly events: readonly string[];
  readonly rules: readonly RuleTraces[];
}

/** All of its events, whatever was asked when it was recorded. Throws UsageError. */
export async function replayed(path: string): Promise<Replayed> {
  const recording = await Recording.open(path);
  const { header } = recording;
  const devices = new RecordedDevices(header.options.interfaces, header.severalNetns);
  for (const one of header.namespaces) devices.learnNetns(one);
  for (const one of header.devices) devices.learn(one);
  const events: string[] = [];
  const rules: RuleTraces[] = [];
  const options = {
    ...{
      stages: [],
      interfaces: [],
      netns: [],
      snaplen: 262144,
      ringBytes: 0,
      arm: false,
      observeOnly: false,
    },
    ...{ mechanisms: new Map(), stacks: false, failOnLoss: false, lineBuffered: false },
  };
  const replay = new Replay(
    recording,
    { options, devices, selections: [], showsStacks: false },
    {
      header: () => undefined,
      event: ({ stage, record }) => events.push(`${stage.id} ${record.timeNs}`),
      ruleTraces: (traces) => rules.push(traces),
      flush: () => undefined,
      notice: () => undefined,
      isCongested: false,
    },
  );
  try {
    return { summary: await replay.run(), events, rules };
  } finally {
    recording.close();
  }
}
