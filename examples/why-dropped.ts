/** Which packets die, where and why: `why-dropped.js SECONDS [FILTER]`. */
import { path } from 'taptrace';

const [seconds = '10', filter] = process.argv.slice(2);

const journeys = path({ seconds: Number(seconds), ...(filter && { filter }) });
for await (const { packet, events, end } of journeys) {
  if (end.stage !== 'drop') continue;
  const by = end.chains?.map(({ table, chain }) => `${table}/${chain}`).join(' or ') ?? end.diedIn?.function;
  const tapped = events.some(({ stage, armed }) => /-tap$/.test(stage) && armed === true);
  console.log(`${packet}: ${events[0]!.summary}`);
  console.log(`  dropped by ${by}: ${end.reason}; tcpdump ${tapped ? 'shows it' : 'does not show it'}`);
}
const { complete, packets } = await journeys.summary;
console.log(
  `${packets} packets; ${complete === true ? 'nothing was lost' : 'events were lost, or may have been'}`,
);
