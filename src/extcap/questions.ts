/** Wireshark's questions, each with its answer. */
import { TaptraceError } from '../errors.js';
import { version } from '../library/version.js';
import { filterAnswer, interfacesAnswer, linkTypesAnswer, settingsAnswer } from './answers.js';
import { type Asked, extcapArguments } from './arguments.js';

/** Undefined where nothing is asked that is answered by a text. Throws TaptraceError. */
export function answerTo(asked: Asked): string | undefined {
  if (asked.capture || asked.install || asked.uninstall || asked.help) return undefined;
  if (asked['extcap-interfaces']) return interfacesAnswer(version());
  const named = asked['extcap-interface'];
  if (named === undefined) return undefined;
  if (asked['extcap-dlts']) return linkTypesAnswer(named);
  if (asked['extcap-config']) return settingsAnswer(named);
  const filter = asked['extcap-capture-filter'];
  return filter === undefined ? undefined : filterAnswer(filter);
}

/** The same for the words of a command line; undefined also where they are wrong: who tells that, reads them again. */
export function quickAnswer(words: readonly string[]): string | undefined {
  try {
    return answerTo(extcapArguments(words));
  } catch (error) {
    if (error instanceof TaptraceError) return undefined;
    throw error;
  }
}
