import { randomUUID } from 'node:crypto';
import { CdcError } from '#shared/errors.ts';
import { EXIT } from '#shared/fleet/fleet.ts';
import { createLogger } from '#shared/log.ts';
import { TIMING } from '#shared/names.ts';
import { forgetSecrets, loadConfig } from './config.ts';
import { openStore } from './open-store.ts';
import { openTarget } from './open-target.ts';
import { systemClock } from './runtime/clock.ts';
import { Health, serveHealth } from './runtime/health.ts';
import { Job } from './runtime/job.ts';
import { onStopRequest } from './runtime/lifecycle.ts';
import { followLogLevel } from './runtime/log-level-follower.ts';
import { metricsTo } from './runtime/metrics-reporter.ts';
import { KafkaChangeSource } from './source/kafka/kafka-change-source.ts';

/** One replicator: one attempt at one task. How it ended is its exit code; everything else is in the store. */
async function main(): Promise<number> {
  const config = loadConfig(process.env);
  forgetSecrets(process.env);
  const { taskId, generation, logLevel, healthPort, settings } = config;
  const log = createLogger(logLevel, { part: 'replicator', taskId, generation });
  const stop = onStopRequest(log, TIMING.forcedExitSeconds * 1_000);
  const health = new Health(systemClock);
  if (healthPort !== undefined) await serveHealth(health, healthPort);
  const store = await openStore(config.store);
  const source = new KafkaChangeSource(config.source);
  const ended = new AbortController();
  const following = followLogLevel({ store: store.tasks, log, clock: systemClock, signal: ended.signal });
  try {
    const job = new Job({
      ...config,
      owner: randomUUID(),
      store: store.tasks,
      source,
      openTarget: async (task) => {
        const secret = await store.secretOf(task);
        return openTarget({ target: task.target, secret, settings, anyAddress: config.anyAddress, log });
      },
      onLease: (lease) => health.holds(lease),
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

main()
  .then((exitCode) => process.exit(exitCode))
  .catch((error: unknown) => {
    const permanent = error instanceof CdcError && error.code === 'config_invalid';
    process.stderr.write(
      `${JSON.stringify({ level: 'fatal', msg: String((error as Error)?.stack ?? error) })}\n`,
    );
    process.exit(permanent ? EXIT.permanent : EXIT.retry);
  });
