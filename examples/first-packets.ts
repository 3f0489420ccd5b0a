/** The next packets at both taps of a device: `first-packets.js DEVICE COUNT [FILTER]`. */
import { trace } from 'taptrace';

const [device = 'lo', count = '10', filter] = process.argv.slice(2);

for await (const event of trace({
  interfaces: [device],
  count: Number(count),
  ...(filter && { filter }),
})) {
  const tapped = event.armed === true ? '' : ' (nobody taps it)';
  console.log(`${event.time} ${event.stage} ${event.ifname}: ${event.summary}${tapped}`);
}
