/**
 * What the command line does, for programs: `import { trace } from 'taptrace'`.
 *
 * ```ts
 * import { trace } from 'taptrace';
 *
 * for await (const event of trace({ stages: ['taps', 'drop'], filter: 'icmp', count: 10 }))
 *   console.log(event.time, event.stage, event.ifname, event.summary);
 * ```
 *
 * - `trace` gives events, `path` packets with their whole way, `compare` one comparison, at its end.
 * - `read`, `readPath` and `readComparison` give the same of a recording. They are also in `taptrace/format`, which needs no
 *   addon and runs on any platform; only a filter needs the addon.
 * - `readCapture` gives the packets of a pcap or pcapng file, which knows no stages; `read` refuses such a file.
 * - `stages` and `doctor` say what this kernel allows.
 *
 * Values are the lines that `--json` prints (`docs/schema.json`, in the package `taptrace/schema.json`), so whatever is
 * said of one holds of the other. Live runs need the rights that the command line needs, and keep them: a program decides
 * itself what it gives up. Four programs are in `examples/`.
 *
 * ## What is stable
 *
 * Version numbers follow SemVer, and cover what this page names, with these words of caution:
 *
 * - Stable: names and parameters of functions, options, the methods of `Run`, error codes, stage ids, mechanisms, and the keys of
 *   lines with their meaning and type. Keys, codes, stages, mechanisms, kinds of truths, changes and findings are only ever added: a
 *   program has to pass over those that it does not know.
 * - Not stable: the wording of sentences (`message`, `hint`, `text`, `notes`, `summary`, `reason` of what is not watched), which
 *   mechanism watches a stage on a kernel, order and number of attachments, `features` and `machine` of `doctor`, names of kernel
 *   functions (the kernel's own), and everything that is imported by a path inside the package.
 *
 * @packageDocumentation
 */
export * from './format.js';
export { compare, path, trace } from './library/live.js';
export type { TraceOptions } from './library/options.js';
export { type DoctorOptions, doctor, type ReportOptions, stages } from './library/reports.js';
export type * from './lines/reports.js';
export { expandStages, isStageId, stageById, stageByNumber } from './stages/lookup.js';
export { stages as stageTable } from './stages/table.js';
export type { FrameStart, Rung, StageGroup } from './stages/types.js';
