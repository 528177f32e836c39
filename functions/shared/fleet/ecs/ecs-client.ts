import { ECSClient, type ECSClientConfig } from '@aws-sdk/client-ecs';

/** ECS, asked in two ways. */
export interface EcsClients {
  /** Asks again when there was no good answer. */
  readonly patient: ECSClient;
  /** Asks once: what starts something must not be repeated unseen, or the refusal of a second request would hide that
   *  the first one, whose answer was lost, has started it. */
  readonly once: ECSClient;
}

/** Clients that give up soon: a request of the API, and a sweep over many tasks, wait for them. `config` adds region,
 *  endpoint and credentials where the environment does not say them. */
export function createEcsClients(
  config: Pick<ECSClientConfig, 'endpoint' | 'region' | 'credentials'> = {},
): EcsClients {
  const requestHandler = { connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true };
  return {
    patient: new ECSClient({ ...config, requestHandler, maxAttempts: 3 }),
    once: new ECSClient({ ...config, requestHandler, maxAttempts: 1 }),
  };
}
