/** Who talked to whom in a recording: `conversations.js FILE`. Runs anywhere: needs neither root nor Linux. */
import { read, TaptraceError } from 'taptrace/format';

const [file = 't.taptrace'] = process.argv.slice(2);
const conversations = new Map<string, number>();

const events = read(file, { stages: ['taps'] });
try {
  for await (const { src, dst, proto } of events) {
    const key = `${proto ?? 'other'} ${src ?? '?'} > ${dst ?? '?'}`;
    conversations.set(key, (conversations.get(key) ?? 0) + 1);
  }
} catch (error) {
  if (!(error instanceof TaptraceError)) throw error;
  console.error(error.message);
  process.exitCode = error.exitCode;
}
for (const [key, packets] of conversations) console.log(`${packets} ${key}`);
