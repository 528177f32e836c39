import { isSetting, type Setting, type SettingTree } from './setting.ts';

/** The tables of `SETTINGS.md`, one per block, written from the settings themselves. */
export function settingsTables(tree: SettingTree): string {
  const tables = blocksOf(tree).map(([title, settings]) => {
    const rows = settings.map(([path, setting]) => [`\`${path}\``, ...cellsOf(setting)]);
    return `### ${title}\n\n${table([HEADER, ...rows])}`;
  });
  return tables.join('\n\n');
}

const HEADER = ['setting', 'type', 'default', 'meaning', 'example'];

/** Puts the tables between the two marks of a document. */
export function withTables(document: string, tables: string): string {
  const [before, , after] = document.split(MARK);
  if (before === undefined || after === undefined) throw new Error(`the document lacks its marks: ${MARK}`);
  return `${before}${MARK}\n\n${tables}\n\n${MARK}${after}`;
}

const MARK = '<!-- written by infra/config/write-settings.ts -->';

type Block = readonly [title: string, settings: readonly (readonly [path: string, setting: Setting])[]];

/** The settings at the top, then each block with all that is below it. */
function blocksOf(tree: SettingTree): readonly Block[] {
  const top: (readonly [string, Setting])[] = [];
  const blocks: Block[] = [];
  for (const [name, node] of Object.entries(tree)) {
    if (isSetting(node)) top.push([name, node]);
    else blocks.push([name, flat(node, `${name}.`)]);
  }
  return [['general', top], ...blocks];
}

function flat(tree: SettingTree, before: string): readonly (readonly [string, Setting])[] {
  return Object.entries(tree).flatMap(([name, node]) =>
    isSetting(node) ? [[before + name, node] as const] : flat(node, `${before}${name}.`),
  );
}

function cellsOf({ type, meaning, example, schema, otherwise }: Setting): readonly string[] {
  const preset: unknown = schema.safeParse(undefined).data;
  const shown = otherwise ?? (isNothing(preset) ? '' : `\`${String(preset)}\``);
  return [type, shown, meaning, `\`${example}\``];
}

function isNothing(preset: unknown): boolean {
  if (typeof preset !== 'object' || preset === null) return preset === undefined;
  return Object.keys(preset).length === 0;
}

/** As the formatter has it: columns of one width. */
function table([header = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((cells) => cells[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [header, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n');
}
