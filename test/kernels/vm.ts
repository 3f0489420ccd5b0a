import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { KernelLabError } from './errors.js';
import { kernelNames, parseKernelName } from './kernels.js';
import type { GuestFile } from './project-files.js';
import { Pump } from './pump.js';
import { startMachine } from './qemu.js';
import { type GuestRun, prepareMachine, runInKernel } from './run.js';

const usage = `usage: node dist/test/kernels/vm.js [options] [-- command…]
Runs a command as root in a virtual machine with one of Debian's kernels; without a command, a shell
(Ctrl-A X ends the machine). The built project is in /opt/taptrace.
  --kernel <${kernelNames.join('|')}>   (6.12)
  --module <name>      load a module first (repeatable)
  --file <from>:<to>   copy a file or directory into the guest (repeatable)
  --append <word>      add to the kernel's command line (repeatable), such as lockdown=integrity
  --timeout <seconds>  (120)
  --cpus <n> --memory <MiB>   (2, 1024)
  --console            print the kernel's console to stderr at the end
Exits with the command's status, or with 125 when the lab itself failed.`;

const labFailed = 125;

const { values: options, positionals: command } = parseArgs({
  allowPositionals: true,
  options: {
    kernel: { type: 'string', default: '6.12' },
    module: { type: 'string', multiple: true, default: [] },
    file: { type: 'string', multiple: true, default: [] },
    append: { type: 'string', multiple: true, default: [] },
    timeout: { type: 'string', default: '120' },
    cpus: { type: 'string', default: '2' },
    memory: { type: 'string', default: '1024' },
    console: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

try {
  if (options.help) console.log(usage);
  else process.exitCode = command.length > 0 ? await runCommand() : await runShell();
} catch (error) {
  if (!(error instanceof KernelLabError)) throw error;
  console.error(`vm: ${error.message}`);
  process.exitCode = labFailed;
}

function call(): Omit<GuestRun, 'command'> {
  return {
    kernel: parseKernelName(options.kernel ?? ''),
    modules: options.module ?? [],
    files: (options.file ?? []).map(parseFile),
    kernelArguments: options.append ?? [],
    timeoutSeconds: Number(options.timeout),
    cpus: Number(options.cpus),
    memoryMib: Number(options.memory),
  };
}

function parseFile(text: string): GuestFile {
  const [from = '', to = ''] = text.split(':');
  if (existsSync(from) && to.startsWith('/')) return { from, to };
  throw new KernelLabError('setup', `--file ${text}: wants <from>:</absolute/to>, and <from> must exist`);
}

async function runCommand(): Promise<number> {
  // Ending by exit() lets the machine's directory be removed.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(labFailed));
  const pumps = { stdout: new Pump(process.stdout), stderr: new Pump(process.stderr) };
  const onPoll = (directory: string): void => {
    for (const stream of ['stdout', 'stderr'] as const) pumps[stream].forward(join(directory, stream));
  };
  const result = await runInKernel({ ...call(), command, onPoll });
  if (options.console) process.stderr.write(result.console);
  const seconds = `${result.seconds.toFixed(1)} s, booted in ${result.bootSeconds.toFixed(1)} s`;
  console.error(
    `vm: kernel ${options.kernel}: status ${result.status} after ${seconds}, ${result.panics} panics`,
  );
  return result.status;
}

async function runShell(): Promise<number> {
  const machine = prepareMachine(call());
  try {
    const [code] = await once(startMachine(machine), 'exit');
    return typeof code === 'number' ? code : labFailed;
  } finally {
    rmSync(machine.directory, { recursive: true, force: true });
  }
}
