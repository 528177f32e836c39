import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLogger } from '#shared/log.ts';
import { NewerItemError, StoreUnavailableError } from '#shared/store/task-store.ts';
import { bundleReplicator } from '../bundle.ts';
import { ConfigError } from './config/problems.ts';
import { loadConfig } from './config.ts';
import { LockedError } from './control-plane-lock.ts';
import { ListenError } from './listen.ts';
import { startLocal } from './start.ts';
import { onStopSignals } from './stop-signals.ts';

const USAGE = `usage: npm start -- [--config FILE]

  --config FILE  milvus-cdc's cdc.yaml; default: $CDC_CONFIG, or configs/cdc.yaml where there is one
  --help
`;

/** Where milvus-cdc reads its settings from. */
const CUSTOMARY_FILE = 'configs/cdc.yaml';

/** Failures that an operator can do something about; their messages are sentences. */
const SPEAKING = [ConfigError, LockedError, ListenError, StoreUnavailableError, NewerItemError];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  const { env } = process;
  const file =
    values.config ?? env['CDC_CONFIG'] ?? (existsSync(CUSTOMARY_FILE) ? CUSTOMARY_FILE : undefined);
  const config = loadConfig({ file, env, cwd: process.cwd() });
  const log = createLogger(config.logLevel, { part: 'control-plane' });
  for (const warning of config.warnings) log.warn({ setting: warning }, 'setting ignored');

  const folder = join(config.dataDir, 'replicator');
  const system = await startLocal({
    config,
    log,
    replicator: async () => [process.execPath, await bundleReplicator(folder)],
    env: { ...env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
  });
  log.info({ url: system.url, dataDir: config.dataDir, config: file ?? 'defaults' }, 'ready');
  if (process.stdout.isTTY) process.stderr.write(`ready at ${system.url} (Ctrl-C stops)\n`);
  onStopSignals(async (signal) => {
    log.info({ signal }, 'stopping: draining the replicators; the same signal again ends at once');
    await system.close();
    log.info('stopped');
  });
}

main().catch((error: unknown) => {
  const speaking = SPEAKING.some((kind) => error instanceof kind);
  const usage =
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  const text = speaking || usage ? (error as Error).message : String((error as Error)?.stack ?? error);
  process.stderr.write(`${text}\n${usage ? USAGE : ''}`);
  process.exitCode = speaking || usage ? 78 : 1;
});
