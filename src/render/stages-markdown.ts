/** The stage table as the page docs/stages.md. */
import { targetsOf } from '../stages/rungs.js';
import { type Section, sections } from '../stages/sections.js';
import { stages } from '../stages/table.js';
import type { Rung, Stage } from '../stages/types.js';

const intro = `<!-- Generated from src/stages/ by scripts/generate-docs.ts. Do not edit. -->
# The stages

A packet travels through the kernel in this order, and each stage is a place where taptrace can look at it. The ids are
what \`--stages\` takes and what the \`stage\` key of an event says. \`taptrace stages\` draws the same map and says how each
stage is watched on the kernel it runs on.

The groups of \`--stages\`: \`taps\` (the two stages where packet sockets hang: tcpdump, Wireshark), \`netfilter\` (every
\`nf-\` stage), \`path\` (all but \`gro\` and \`delivery\`) and \`all\`.
`;

const ladderIntro = `Under *how it is watched* the mechanisms stand from best to fallback. Those in **bold** are built into this version; for a
stage without one, \`taptrace stages\` says that it cannot be watched yet.
`;

export function stagesMarkdown(): string {
  const byId = new Map(stages.map((stage) => [stage.id, stage]));
  const maps = sections.map((section) => sectionMap(section, byId));
  const pages = stages.map(stagePage);
  return [intro, ...maps, '## Stage by stage\n', ladderIntro, ...pages].join('\n');
}

function sectionMap(section: Section, byId: ReadonlyMap<string, Stage>): string {
  const rows = section.steps.map((step) => {
    const stage = step.stage === undefined ? undefined : byId.get(step.stage);
    if (stage === undefined)
      return `| ${step.junction === undefined ? '' : '⇄'} | *${marked(step.text)}* | |`;
    const name = `[\`${stage.id}\`](#${stage.id})`;
    const id = stage.group === 'taps' ? `**${name}**` : name;
    return `| ${id} | ${marked(stage.title)} | ${codeList(stage.functions)} |`;
  });
  const head = `## ${section.title}: ${section.caption}\n\n| stage | what is there | kernel functions |\n| --- | --- | --- |`;
  return `${head}\n${rows.join('\n')}\n`;
}

function stagePage(stage: Stage): string {
  const path = [...stage.before.map(marked), `**${stage.id}**`, ...stage.after.map(marked)].join(' → ');
  const ladder = stage.ladder.map((rung, index) => `${index + 1}. ${rungText(rung)}`).join('\n');
  return `### ${stage.id}

${marked(stage.title)}. Number ${stage.number}; ${codeList(stage.functions)} in \`${stage.source}\`.

- **Path:** ${path}
- **Sees:** ${marked(stage.sees)}
- **Misses:** ${marked(stage.misses)}

How it is watched:

${ladder}
`;
}

function rungText(rung: Rung): string {
  const { mechanism, target, program, remark } = rung;
  const functions = targetsOf(rung).join(', ');
  const name = target.includes(' ') ? `\`${mechanism}\`: ${marked(target)}` : `\`${mechanism} ${functions}\``;
  const shown = program === undefined ? name : `**${name}**`;
  return remark === undefined ? shown : `${shown}. ${marked(remark)}`;
}

function codeList(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

/** Names of the kernel as code: their underscores would otherwise be read as emphasis. */
function marked(text: string): string {
  return text.replace(/\w*_\w+/g, (name) => `\`${name}\``);
}
