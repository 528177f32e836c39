import { randomUUID } from 'node:crypto';
import { MemoryFleet } from '../../support/fakes/memory-fleet.ts';
import { describeFleet } from '../kits/fleet.ts';

describeFleet('MemoryFleet', async () => {
  const fleet = new MemoryFleet();
  fleet.onStart = (replicator) => {
    const code = /^exits-(\d+)/.exec(replicator.order.taskId)?.[1];
    if (code !== undefined) setImmediate(() => fleet.end(replicator, Number(code)));
  };
  fleet.onDrain = (replicator) => {
    const stubborn = replicator.order.taskId.startsWith('stubborn');
    setImmediate(() => fleet.end(replicator, stubborn ? null : 0));
  };
  return {
    fleet,
    taskId: (behaviour) => `${behaviour}-${randomUUID()}`,
    foreignHandle: 'replicator-0',
    fillUp: async () => fleet.refuseNext(),
    close: async () => {},
  };
});
