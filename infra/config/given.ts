import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse, YAMLError } from 'yaml';
import { isObject } from '../local/config/keys.ts';
import { ConfigError } from '../local/config/problems.ts';
import { isSetting, type SettingTree } from './setting.ts';

export interface Sources {
  /** CDK context: `-c key=value` and the `context` of `cdk.json`. */
  readonly context: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What a relative path of the config file is relative to. */
  readonly cwd: string;
}

/** What the operator gave, by path of the setting (`network.egress`). */
export interface Given {
  readonly values: ReadonlyMap<string, unknown>;
  /** Path -> the variable that set it. */
  readonly variables: ReadonlyMap<string, string>;
  /** One sentence for each name that is no setting. */
  readonly unknown: readonly string[];
}

/** Names of variables begin with this; the rest is the path in capitals: `CDC_DEPLOY_NETWORK_EGRESS`. */
export const PREFIX = 'CDC_DEPLOY_';
/** Context key of a file of settings. */
const FILE = 'config';

/** Collects the settings of the file, of the environment and of the context; the later ones win. Fails with
 *  {@link ConfigError} when the file cannot be read. */
export function gather(tree: SettingTree, { context, env, cwd }: Sources): Given {
  const names = variableNames(tree);
  const file = context[FILE] ?? env[`${PREFIX}CONFIG`];
  const collected = new Collected(tree);
  if (typeof file === 'string' && file !== '') collected.addBlock(readFile(resolve(cwd, file), file));
  const variables = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || name === `${PREFIX}CONFIG` || value === undefined || value === '')
      continue;
    const path = names.get(name);
    if (path === undefined) {
      collected.unknown.push(unknownSetting(name));
    } else {
      variables.set(path, name);
      collected.values.set(path, value);
    }
  }
  for (const [key, value] of Object.entries(context)) {
    // The CDK's own keys all have one of these signs.
    if (key === FILE || /[:@/]/.test(key)) continue;
    for (const path of collected.add(key, value)) variables.delete(path);
  }
  return { values: collected.values, variables, unknown: collected.unknown };
}

export function variableName(path: string): string {
  return PREFIX + path.replaceAll('.', '_').replace(/[A-Z]/g, '_$&').toUpperCase();
}

/** Every setting of a tree with its path. */
export function pathsOf(tree: SettingTree, before = ''): readonly string[] {
  return Object.entries(tree).flatMap(([name, node]) =>
    isSetting(node) ? [before + name] : pathsOf(node, `${before}${name}.`),
  );
}

function variableNames(tree: SettingTree): ReadonlyMap<string, string> {
  return new Map(pathsOf(tree).map((path) => [variableName(path), path]));
}

class Collected {
  readonly values = new Map<string, unknown>();
  readonly unknown: string[] = [];
  readonly #tree: SettingTree;

  constructor(tree: SettingTree) {
    this.#tree = tree;
  }

  addBlock(block: Readonly<Record<string, unknown>>): void {
    for (const [name, value] of Object.entries(block)) this.add(name, value);
  }

  /** `path` is a setting's or a block's. Answers the settings that were set. */
  add(path: string, value: unknown): readonly string[] {
    let node: SettingTree[string] | undefined = this.#tree;
    for (const name of path.split('.')) {
      node = node === undefined || isSetting(node) || !Object.hasOwn(node, name) ? undefined : node[name];
    }
    if (node === undefined) {
      this.unknown.push(unknownSetting(path));
      return [];
    }
    // A key with nothing behind it says nothing.
    if (value === null || value === undefined) return [];
    if (isSetting(node)) {
      this.values.set(path, value);
      return [path];
    }
    if (isObject(value)) {
      return Object.entries(value).flatMap(([name, member]) => this.add(`${path}.${name}`, member));
    }
    this.unknown.push(`${path} must be a block of settings`);
    return [];
  }
}

function unknownSetting(name: string): string {
  return `${name} is not a known setting`;
}

function readFile(path: string, shown: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    if (error instanceof YAMLError) {
      const line = error.linePos?.[0].line;
      throw new ConfigError([
        `the config file ${shown} is not YAML${line === undefined ? '' : `, see line ${line}`}`,
      ]);
    }
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new ConfigError([`the config file ${shown} cannot be read: ${code}`]);
  }
  if (isObject(content)) return content;
  throw new ConfigError([`the config file ${shown} is not a block of settings`]);
}
