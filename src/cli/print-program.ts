/** `-d`: the filter's compiled program instead of packets. */
import { exitCode } from '../errors.js';
import { PacketFilter } from '../filter/filter.js';
import { filterExpression } from './live.js';
import { Output } from './output.js';
import type { TraceArguments } from './trace-options.js';

/** Prints the program for Ethernet; attaches nothing. Throws UsageError. */
export async function printProgram(args: TraceArguments): Promise<number> {
  const { listing } = new PacketFilter(filterExpression(args) ?? '');
  const output = new Output();
  output.data(listing.map((line) => `${line}\n`).join(''));
  await output.written();
  return exitCode.done;
}
