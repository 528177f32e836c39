import { setTimeout as sleep } from 'node:timers/promises';
import { EcsInventory } from '#shared/fleet/ecs/ecs-inventory.ts';
import { reconcileHandler } from '../../functions/reconcile/handler.ts';
import { sweepOrphans } from '../../functions/reconcile/orphans.ts';
import { publishAggregates } from '../../functions/reconcile/publish-aggregates.ts';
import { publishHoursLeft } from '../../functions/reconcile/publish-hours-left.ts';
import { connectControlPlane } from './control-plane.ts';

/** The Lambda `reconcile`: keeps what runs as it was asked for, and tells how all of it is. */
const plane = connectControlPlane('reconcile');
const inventory = new EcsInventory(plane.fleetOptions);
const metrics = {
  stack: plane.config.stack,
  write: (line: string) => void process.stdout.write(`${line}\n`),
  now: plane.now,
};

export const handler = reconcileHandler({
  ...plane,
  sleep: (ms) => sleep(ms),
  afterSweep: [(swept) => publishAggregates(metrics, swept)],
  hourly: [
    () => publishHoursLeft({ ...plane, ...metrics }),
    async () => {
      const orphans = await sweepOrphans({ ...plane, inventory });
      plane.log.info(orphans, 'orphans removed');
    },
  ],
});
