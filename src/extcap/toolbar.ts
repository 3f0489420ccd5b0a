/** Our toolbar in Wireshark while a capture runs: what its user sets, and what we say. */
import { constants, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { UsageError } from '../errors.js';
import { ControlReader, command, controlBytes, noControl } from './control.js';
import { type CaptureSettings, logger, type Setting, settings } from './controls.js';

/** Pipes of Wireshark's, opened so that neither waits for its other end. */
function open(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw new UsageError(`cannot open a pipe of Wireshark's toolbar: ${(error as Error).message}`);
  }
}

export class Toolbar {
  private readonly out: number;
  private readonly input: Socket;
  private readonly reader = new ControlReader();
  /** The pipes that Wireshark names with --extcap-control-in and -out. Throws UsageError. */
  constructor(controlIn: string, controlOut: string) {
    this.out = open(controlOut);
    this.input = new Socket({ fd: open(controlIn), readable: true, writable: false });
    this.input.on('error', () => undefined);
  }

  /**
   * Calls for each control that the user has changed. Comes back once Wireshark has sent what was chosen before the capture,
   * or after a while.
   */
  async listen(onSet: (setting: Setting, text: string) => void, withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.input.on('data', (bytes) => {
        for (const message of this.reader.take(bytes)) {
          const setting = settings[message.control];
          if (message.command === command.set && setting) onSet(setting, message.text);
          if (message.command !== command.initialized) continue;
          clearTimeout(timer);
          resolve();
        }
      });
    });
  }

  show(values: CaptureSettings): void {
    for (const setting of settings) this.set(setting, values[setting]);
  }

  set(setting: Setting, text: string): void {
    this.send(settings.indexOf(setting), command.set, text);
  }

  log(line: string): void {
    this.send(logger, command.add, `${line}\n`);
  }

  status(line: string): void {
    this.send(noControl, command.status, line);
  }

  error(line: string): void {
    this.send(noControl, command.error, line);
  }

  close(): void {
    this.input.destroy();
  }

  /** Where Wireshark does not read, it is not told. */
  private send(control: number, what: number, text: string): void {
    try {
      writeSync(this.out, controlBytes({ control, command: what, text }));
    } catch (error) {
      if (!['EAGAIN', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}
