#!/usr/bin/env node
/**
 * The program. Wireshark asks it one question after the other when it starts, and waits for each answer, so they are
 * bundled with this file, and nothing else is loaded for them.
 */
import { quickAnswer } from '../extcap/questions.js';

const [command, ...words] = process.argv.slice(2);
const answer = command === 'extcap' ? quickAnswer(words) : undefined;
if (answer === undefined) await (await import('./command-line.js')).commandLine(process.argv.slice(2));
else process.stdout.write(answer);
