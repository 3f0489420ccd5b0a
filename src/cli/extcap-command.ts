/** `taptrace extcap`: answers Wireshark's questions, captures for it, and puts itself where Wireshark looks. */
import { realpathSync } from 'node:fs';
import { exitCode, UsageError } from '../errors.js';
import { type Asked, extcapArguments } from '../extcap/arguments.js';
import { interfaceCalled } from '../extcap/interfaces.js';
import { answerTo } from '../extcap/questions.js';
import { Output } from './output.js';

const help = `taptrace extcap --install [--profile] [--dir FOLDER]
taptrace extcap --uninstall [--dir FOLDER]

Lists the kernel's taps among Wireshark's interfaces ("kernel taps: eth0", "whole path: eth0").

  --install     put taptrace where the installed Wireshark looks for extcap programs
  --profile     with --install: also a profile, "taptrace", with a Stage column and colours
  --dir FOLDER  where, instead of where Wireshark says that it looks
  --uninstall   take program and profile away again

Wireshark itself starts it with:

  --extcap-interfaces | --extcap-dlts | --extcap-config | --extcap-capture-filter FILTER
  --capture --extcap-interface NAME --fifo FILE [--stages IDS] [--snaplen BYTES] [--netns NAME] [--arm]

Examples:
  sudo taptrace extcap --install                        for every user of this machine
  sudo tshark -i taptrace-taps-eth0 -f 'tcp port 443'   live packets with their stages
  sudo tshark -i taptrace-path -o extcap.taptrace_path.stages:taps,drop

Watching needs rights (taptrace doctor says which), and Wireshark starts it with its own.
`;

/** Runs what was asked for. Returns the exit code. Throws TaptraceError. */
export async function extcapCommand(argv: readonly string[]): Promise<number> {
  const asked = extcapArguments(argv);
  if (asked.install || asked.uninstall) return place(asked);
  if (asked.capture) return capture(asked);
  process.stdout.write(answer(asked));
  return exitCode.done;
}

/** Questions that are none: the others are answered before this is loaded. Throws UsageError. */
function answer(asked: Asked): string {
  if (asked.help) return help;
  const { value } = interfaceOf(asked);
  const told = answerTo(asked);
  if (told !== undefined) return told;
  throw new UsageError(`nothing is asked of ${value}`, '"taptrace extcap --help" lists the questions');
}

function interfaceOf(asked: Asked): ReturnType<typeof interfaceCalled> {
  const value = asked['extcap-interface'];
  if (value !== undefined) return interfaceCalled(value);
  throw new UsageError(
    'extcap is for Wireshark, which names an interface with --extcap-interface',
    '"taptrace extcap --install" puts it where Wireshark looks; --help tells more',
  );
}

async function capture(asked: Asked): Promise<number> {
  const { device, stages } = interfaceOf(asked);
  const { fifo, snaplen = '0', netns, arm, debug } = asked;
  const [controlIn, controlOut] = [asked['extcap-control-in'], asked['extcap-control-out']];
  if (fifo === undefined) throw new UsageError('--capture needs --fifo, the file that Wireshark reads');
  const { captureForWireshark } = await import('./extcap-capture.js');
  return captureForWireshark({
    ...{ fifo, talks: Boolean(debug) },
    ...(controlIn && controlOut && { control: { in: controlIn, out: controlOut } }),
    settings: {
      ...{ stages: asked.stages?.trim() || stages, snaplen },
      filter: asked['extcap-capture-filter']?.trim() ?? '',
    },
    fixed: [
      ...(device === undefined ? [] : ['--interface', device]),
      ...(netns ? ['--netns', netns] : []),
      ...(arm ? ['--arm'] : []),
    ],
  });
}

async function place({ uninstall, profile, dir }: Asked): Promise<number> {
  const { installProfile, installProgram, removeProfile, removeProgram } = await import(
    '../extcap/install.js'
  );
  const { wiresharkFolders } = await import('../extcap/folders.js');
  const folders = dir === undefined || profile || uninstall ? wiresharkFolders() : undefined;
  const programs = dir === undefined ? folders!.extcap : [dir];
  const output = new Output();
  if (uninstall) {
    const removed = [...removeProgram(programs), removeProfile(folders!.configuration)];
    const paths = removed.filter((path) => path !== undefined);
    for (const path of paths) output.talk(`${path} is removed`);
    if (paths.length === 0) output.talk('nothing of taptrace is there');
    return exitCode.done;
  }
  output.talk(
    `${installProgram(programs, mainPath())} is installed: Wireshark lists the taps from its next start`,
  );
  if (profile) output.talk(`${installProfile(folders!.configuration)} is Wireshark's profile "taptrace"`);
  return exitCode.done;
}

/** The file that node was started with: links in PATH may be gone when Wireshark starts it. */
const mainPath = (): string => realpathSync(process.argv[1]!);
