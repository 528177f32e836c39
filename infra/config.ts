import { fileURLToPath } from 'node:url';
import { API_SETTINGS, type ApiConfig, apiOf } from './config/api.ts';
import { GENERAL_SETTINGS } from './config/general.ts';
import { gather, type Sources } from './config/given.ts';
import { NETWORK_SETTINGS, type NetworkConfig, networkOf } from './config/network.ts';
import { Problems } from './config/problems.ts';
import { readSettings } from './config/read-settings.ts';
import {
  type ImageConfig,
  imageOf,
  REPLICATOR_SETTINGS,
  type ReplicatorConfig,
  replicatorOf,
} from './config/replicator.ts';
import type { Values } from './config/setting.ts';
import { SOURCE_SETTINGS, type SourceConfig, sourceOf } from './config/source.ts';
import { ConfigError } from './local/config/problems.ts';

/** Everything an operator may set; `SETTINGS.md` is written from it. */
export const SETTINGS = {
  ...GENERAL_SETTINGS,
  network: NETWORK_SETTINGS,
  source: SOURCE_SETTINGS,
  replicator: REPLICATOR_SETTINGS,
  api: API_SETTINGS,
} as const;

type Settings = Values<typeof SETTINGS>;

/** A stack as it was asked for: checked, and free of what contradicts itself. */
export interface StackConfig {
  readonly stackName: string;
  readonly network: NetworkConfig;
  readonly source: SourceConfig;
  readonly replicator: ReplicatorConfig;
  readonly image: ImageConfig;
  readonly api: ApiConfig;
  readonly allowedTargets: readonly string[];
  readonly table: { readonly existing?: string | undefined; readonly removal: 'retain' | 'destroy' };
  readonly alarms: { readonly topicArn?: string | undefined; readonly email?: string | undefined };
  readonly logRetentionDays: number;
  readonly logLevel: string;
  readonly containerInsights: boolean;
  /** ARNs of KMS keys. */
  readonly secretKeys: readonly string[];
  readonly permissionsBoundary?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** True: leave out what an emulated account refuses. */
  readonly emulation: boolean;
  /** True: nothing was set, so these are the values of `example.yaml`, and nobody's. */
  readonly example: boolean;
  /** What is allowed and looks like a mistake, one sentence each. */
  readonly warnings: readonly string[];
}

const EXAMPLE = fileURLToPath(new URL('example.yaml', import.meta.url));

/** Reads and checks all settings; without any, those of `example.yaml`, so that there is something to look at. Fails with
 *  {@link ConfigError}, which has one sentence for each that is wrong. */
export function loadConfig(sources: Sources): StackConfig {
  let given = gather(SETTINGS, sources);
  const example = given.values.size === 0 && given.unknown.length === 0;
  if (example) given = gather(SETTINGS, { ...sources, context: { config: EXAMPLE } });
  const problems = new Problems(given.variables);
  const settings = readSettings(SETTINGS, given, problems);
  const network = networkOf(settings.network, problems);
  const config = {
    stackName: settings.stackName ?? `milvus-cdc-${settings.stage}`,
    network,
    source: sourceOf(settings.source, { problems, cwd: sources.cwd }),
    replicator: replicatorOf(settings.replicator, problems),
    image: imageOf(settings.replicatorImage, { egress: network.egress, problems }),
    api: apiOf(settings.api, { network, problems }),
    allowedTargets: settings.allowedTargets,
    table: tableOf(settings, problems),
    alarms: alarmsOf(settings, problems),
    logRetentionDays: settings.logRetention,
    logLevel: settings.logLevel,
    containerInsights: settings.containerInsights,
    secretKeys: settings.secretKeys,
    permissionsBoundary: settings.permissionsBoundary,
    tags: settings.tags,
    emulation: settings.emulation,
    example,
  };
  checkTargets(settings, problems);
  const lines = [...given.unknown, ...problems.lines];
  if (lines.length > 0) throw new ConfigError(lines);
  return { ...config, warnings: problems.warnings };
}

function tableOf({ existingTable, removalPolicy }: Settings, problems: Problems): StackConfig['table'] {
  if (existingTable !== undefined && removalPolicy === 'destroy') {
    problems.refuse(
      'removalPolicy',
      'must not be destroy with existingTable: the stack does not own that table',
    );
  }
  return { existing: existingTable, removal: removalPolicy };
}

function alarmsOf({ alarms }: Settings, problems: Problems): StackConfig['alarms'] {
  if (alarms.topicArn !== undefined && alarms.email !== undefined) {
    problems.refuse(
      'alarms.email',
      'cannot be had beside alarms.topicArn: subscribe the mailbox to that topic',
    );
  }
  return alarms;
}

/** All variables of a Lambda together may have 4 KB. */
const MAX_TARGETS = 2_000;

function checkTargets({ allowedTargets }: Settings, problems: Problems): void {
  if (allowedTargets.join(',').length > MAX_TARGETS) {
    problems.refuse('allowedTargets', `must be shorter than ${MAX_TARGETS} characters: use * or IPv4 blocks`);
  }
}
