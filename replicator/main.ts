import { randomUUID } from 'node:crypto';
import { CdcError } from '#shared/errors.ts';
import { EXIT } from '#shared/fleet/fleet.ts';
import { createLogger, type Logger } from '#shared/log.ts';
import { TIMING } from '#shared/names.ts';
import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import { SqliteSecretStore } from '#shared/secrets/sqlite-secret-store.ts';
import { SqliteTaskStore } from '#shared/store/sqlite/sqlite-task-store.ts';
import type { Task } from '#shared/task/task.ts';
import { loadConfig, type ReplicatorConfig } from './config.ts';
import { systemClock } from './runtime/clock.ts';
import { Job } from './runtime/job.ts';
import { onStopRequest } from './runtime/lifecycle.ts';
import { followLogLevel } from './runtime/log-level-follower.ts';
import { metricsTo } from './runtime/metrics-reporter.ts';
import { KafkaChangeSource } from './source/kafka/kafka-change-source.ts';
import { parseEndpoint } from './target/milvus/endpoint.ts';
import { MilvusTarget } from './target/milvus/milvus-target.ts';

/** One replicator: one attempt at one task. How it ended is its exit code; everything else is in the store. */
async function main(): Promise<number> {
  const config = loadConfig(process.env);
  const { taskId, generation, logLevel, database } = config;
  const log = createLogger(logLevel, { part: 'replicator', taskId, generation });
  const stop = onStopRequest(log, TIMING.forcedExitSeconds * 1_000);
  const store = new SqliteTaskStore({ file: database });
  const secrets = new SqliteSecretStore({ file: database });
  const source = new KafkaChangeSource(config.source);
  const ended = new AbortController();
  const following = followLogLevel({ store, log, clock: systemClock, signal: ended.signal });
  try {
    const job = new Job({
      ...config,
      owner: randomUUID(),
      store,
      source,
      openTarget: async (task) =>
        openTarget({
          task,
          secret: task.secretRef === undefined ? undefined : await secrets.get(task.secretRef),
          config,
          log,
        }),
      clock: systemClock,
      log,
      metrics: metricsTo(config.stack),
      drainMs: TIMING.drainSeconds * 1_000,
    });
    const end = await job.run(stop);
    log.info({ exitCode: end.exitCode, code: end.code, reason: end.message }, 'replicator ends');
    return end.exitCode;
  } finally {
    ended.abort();
    await following;
    await source.close();
    await store.close();
  }
}

function openTarget(options: {
  readonly task: Task;
  readonly secret: TargetSecret | undefined;
  readonly config: ReplicatorConfig;
  readonly log: Logger;
}): MilvusTarget {
  const { task, secret, config, log } = options;
  const { uri, tls, connectTimeoutMs } = task.target;
  const { requestBytes, requestDeadlineMs } = config.settings;
  return new MilvusTarget({
    endpoint: parseEndpoint(uri, secret?.token),
    logger: log,
    tls: tls && {
      ca: tls.caPem ?? tls.serverPem,
      cert: tls.clientCertPem,
      key: secret?.clientKeyPem,
      serverName: tls.serverName,
    },
    connectTimeoutMs: Math.min(connectTimeoutMs, requestDeadlineMs),
    callTimeoutMs: requestDeadlineMs,
    maxRequestBytes: requestBytes,
  });
}

main()
  .then((exitCode) => process.exit(exitCode))
  .catch((error: unknown) => {
    const permanent = error instanceof CdcError && error.code === 'config_invalid';
    process.stderr.write(
      `${JSON.stringify({ level: 'fatal', msg: String((error as Error)?.stack ?? error) })}\n`,
    );
    process.exit(permanent ? EXIT.permanent : EXIT.retry);
  });
