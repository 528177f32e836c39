import { accessSync, constants, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse, YAMLError } from 'yaml';
import type { KafkaSourceConfig } from '#shared/task/source.ts';
import { type Environment, override } from './config/environment.ts';
import { canonicalKeys, isObject } from './config/keys.ts';
import { type ListenAddress, parseAddress } from './config/listen-address.ts';
import { ConfigError, Problems } from './config/problems.ts';
import { type FileSettings, fileSchema } from './config/schema.ts';
import { sourceOf } from './config/source.ts';

/** Everything an operator may set for the system on one machine. */
export interface LocalConfig {
  readonly listen: ListenAddress;
  /** Absolute. */
  readonly dataDir: string;
  readonly maxTasks: number;
  readonly maxNameLength: number;
  readonly oneCollectionPerTask: boolean;
  readonly showStatus: boolean;
  /** One of pino's levels. */
  readonly logLevel: string;
  readonly source: KafkaSourceConfig;
  /** What was ignored, one sentence each, to be told once. */
  readonly warnings: readonly string[];
}

export interface ConfigInput {
  /** Path of a `cdc.yaml`; undefined: defaults and environment only. */
  readonly file?: string | undefined;
  readonly env: Environment;
  /** What relative paths are relative to. */
  readonly cwd: string;
}

/** Reads milvus-cdc's `cdc.yaml`, lets the environment override it and checks all of it. Fails with
 *  {@link ConfigError}, which lists every setting that is wrong or cannot be honoured. */
export function loadConfig({ file, env, cwd }: ConfigInput): LocalConfig {
  const { values, spelling, warnings } = canonicalKeys(
    file === undefined ? {} : readFile(resolve(cwd, file), file),
  );
  const overridden = override(values, env);
  const problems = new Problems(spelling, overridden.variables);
  const settings = check(overridden.values, problems);
  const source = sourceOf(settings.sourceConfig, {
    problems,
    findFile: (path) => readable(resolve(cwd, path)),
    configured: file !== undefined,
  });
  const listen = parseAddress(settings.address, problems);
  if (settings.dryRun)
    problems.refuse('dryRun', 'cannot be honoured: a create is asked for one, with `dry_run`');
  const level = logLevel(settings, problems);
  if (problems.lines.length > 0) throw new ConfigError(problems.lines);
  return {
    listen,
    dataDir: resolve(cwd, settings.dataDir),
    maxTasks: settings.maxTaskNum,
    maxNameLength: settings.maxNameLength || 256,
    oneCollectionPerTask: settings.api.oneCollectionPerTask,
    showStatus: settings.api.showStatus,
    logLevel: level,
    source,
    warnings: [...warnings, ...overridden.warnings, ...problems.warnings],
  };
}

function readFile(path: string, shown: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new ConfigError([`the config file ${shown} cannot be read: ${code}`]);
  }
  try {
    const content: unknown = parse(text) ?? {};
    if (isObject(content)) return content;
  } catch (error) {
    // The rest of a YAML error quotes the file, which holds passwords.
    const line = error instanceof YAMLError ? error.linePos?.[0].line : undefined;
    throw new ConfigError([
      `the config file ${shown} is not YAML${line === undefined ? '' : `, see line ${line}`}`,
    ]);
  }
  throw new ConfigError([`the config file ${shown} is not a block of settings`]);
}

/** Fails at once when a type is wrong: what depends on the settings cannot be judged then. */
function check(values: unknown, problems: Problems): FileSettings {
  const parsed = fileSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    // Deeper than a setting: the issue is about a part of its value.
    const path = issue.path.filter((part) => typeof part === 'string').join('.');
    problems.refuse(path, issue.message);
  }
  throw new ConfigError([...new Set(problems.lines)]);
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** milvus-cdc goes on with `info` when it does not know the level. */
function logLevel({ logLevel: given }: FileSettings, problems: Problems): string {
  const level = given.toLowerCase();
  if (LEVELS.includes(level)) return level;
  if (level === 'dpanic' || level === 'panic') return 'fatal';
  problems.warn('logLevel', 'is not a known level; info is used');
  return 'info';
}

function readable(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch {
    return undefined;
  }
}
