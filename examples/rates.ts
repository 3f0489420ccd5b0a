/** Packets and bytes at each stage until the time is over: `rates.js SECONDS STAGES [FILTER]`. In batches, for speed. */
import { expandStages, TaptraceError, trace } from 'taptrace';

const [seconds = '5', words = 'taps', filter] = process.argv.slice(2);
const totals = new Map<string, { packets: number; bytes: number }>();

try {
  const { stages } = expandStages([words]);
  const events = trace({
    stages: stages.map(({ id }) => id),
    signal: AbortSignal.timeout(Number(seconds) * 1000),
    snaplen: 96,
    ...(filter && { filter }),
  });
  for await (const batch of events.batches())
    for (const { stage, len } of batch) {
      const total = totals.get(stage) ?? { packets: 0, bytes: 0 };
      totals.set(stage, { packets: total.packets + 1, bytes: total.bytes + len });
    }
  for (const [stage, { packets, bytes }] of totals)
    console.log(`${stage}: ${packets} packets, ${bytes} bytes`);
  console.log(JSON.stringify((await events.summary).lost));
} catch (error) {
  if (!(error instanceof TaptraceError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = error.exitCode;
}
