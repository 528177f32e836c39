import type { TaskDefinitions } from '#shared/fleet/ecs/task-definitions.ts';
import type { SecretsManagerStore } from '#shared/secrets/secrets-manager-store.ts';
import type { Leftovers } from './ports.ts';

/** Far more than a stack has tasks. */
const LIMIT = 10_000;

/** The credentials of targets that creates brought along. Secrets of users carry the same tag, under names of their own,
 *  and stay. */
export function leftSecrets(store: Pick<SecretsManagerStore, 'list' | 'delete'>): Leftovers {
  return {
    name: 'secrets',
    list: async () => (await store.list(LIMIT)).map(({ ref }) => ref),
    remove: (ref) => store.delete(ref),
  };
}

/** The task definitions that the control plane registered for its tasks, a family at a time. The stack's own are the
 *  stack's business. */
export function leftTaskDefinitions(definitions: Pick<TaskDefinitions, 'families' | 'remove'>): Leftovers {
  return {
    name: 'task definitions',
    list: () => definitions.families(LIMIT),
    remove: async (family) => void (await definitions.remove(family)),
  };
}
