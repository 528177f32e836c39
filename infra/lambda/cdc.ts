import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { logPrefixOf } from '#shared/fleet/ecs/ecs-names.ts';
import { parseTargetPattern } from '#shared/target-rules.ts';
import type { CdcDeps } from '../../functions/cdc/deps.ts';
import { createHandler } from '../../functions/cdc/handler.ts';
import { reconcileTask } from '../../functions/reconcile/reconciler.ts';
import { type ControlPlane, connectControlPlane } from './control-plane.ts';

/** The Lambda `cdc`: answers the API. */
const plane = connectControlPlane('cdc');
export const handler = createHandler(depsOf(plane), plane.middleware);

function depsOf({ config, targetProbe, ...plane }: ControlPlane): CdcDeps {
  const { log, now } = plane;
  const { allowedTargets, ...settings } = config.api;
  return {
    ...plane,
    probe: targetProbe,
    clock: { now, monotonic: () => performance.now(), sleep: (ms) => sleep(ms) },
    settings: {
      ...settings,
      allowedTargets: allowedTargets.flatMap((text) => parseTargetPattern(text) ?? []),
    },
    reconcile: async (taskId) => {
      await reconcileTask(plane, taskId);
    },
    readPem: async () => {
      throw new Error('on AWS it has to be the ARN of a secret that holds the PEM text, and no path');
    },
    randomId: () => randomUUID().replaceAll('-', ''),
    setLogLevel: (level) => {
      log.level = level;
    },
    logsOf: (taskId) =>
      `aws logs tail ${config.fleet.logGroup} --log-stream-name-prefix ${logPrefixOf(taskId)}/`,
  };
}
