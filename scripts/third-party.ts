/** Licences of what a package holds of others: `node third-party.js META STATIC` writes them to standard output. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** Folders of the npm packages that a bundle was made of. */
function packagesOf({ inputs }: Metafile): string[] {
  const folders = Object.keys(inputs).flatMap(
    (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [],
  );
  return [...new Set(folders)].sort();
}

/** Throws where a package has none. */
function licenceIn(folder: string): string {
  const name = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  if (name === undefined) throw new Error(`${folder} has no licence`);
  return readFileSync(join(folder, name), 'utf8').trim();
}

const [metafile = '', libraries = ''] = process.argv.slice(2);
const packages = packagesOf(JSON.parse(readFileSync(metafile, 'utf8')) as Metafile);
const sections = [
  ...packages.map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      name: string;
      version: string;
    };
    return `${name} ${version} (npm)\n\n${licenceIn(folder)}`;
  }),
  ...readdirSync(libraries)
    .filter((file) => file.endsWith('.licence'))
    .map(
      (file) =>
        `${file.replace('.licence', '')} (in the addons)\n\n${readFileSync(join(libraries, file), 'utf8').trim()}`,
    ),
];
process.stdout.write(`${sections.join(`\n\n${'='.repeat(80)}\n\n`)}\n`);
