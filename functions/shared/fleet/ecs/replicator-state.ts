import type { Container, Task } from '@aws-sdk/client-ecs';
import type { ReplicatorState } from '../fleet.ts';

/** What an ECS task says about its replicator. STOPPED is the proof that nothing of it runs; before that, also while ECS
 *  stops it, something may. Pure. */
export function replicatorState(task: Task): ReplicatorState {
  const container = replicatorOf(task);
  if (task.lastStatus !== 'STOPPED') return { kind: 'running', healthy: health(task) };
  return {
    kind: 'stopped',
    exitCode: container?.exitCode ?? null,
    message: whyStopped(task, container),
  };
}

/** The container that the ids were given to; ECS may run others beside it. */
function replicatorOf({ containers, overrides }: Task): Container | undefined {
  const told = overrides?.containerOverrides?.find(({ environment }) => (environment?.length ?? 0) > 0);
  return containers?.find(({ name }) => name === told?.name) ?? containers?.[0];
}

/** What a container that is not up yet, or not any more, says of its health counts for nothing. */
function health({ lastStatus, healthStatus }: Task): boolean | undefined {
  if (lastStatus !== 'RUNNING') return undefined;
  if (healthStatus === 'UNHEALTHY') return false;
  return healthStatus === 'HEALTHY' ? true : undefined;
}

/** By what ECS writes in its reasons. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/OutOfMemory/i, 'it ran out of memory; give the replicators more'],
  [/CannotPull|pull image|image.*not found/i, 'its image could not be pulled'],
  [/ResourceInitializationError.*(secret|ssm)/is, 'its secrets could not be read'],
  [/ResourceInitializationError/i, 'Fargate could not prepare it'],
  [/CannotStart|CannotCreate|ContainerRuntime/i, 'its container could not be started'],
  [/[Cc]apacity|\bRESOURCE:/, 'Fargate had no room for it'],
  [/health check/i, 'its health check failed'],
];

/** By ECS's code for a stop. */
const CODES: Readonly<Record<string, string>> = {
  SpotInterruption: 'Fargate Spot took its place back',
  TerminationNotice: 'Fargate ended it to maintain the host or the platform',
  InfrastructureHealth: 'its host failed',
  TaskFailedToStart: 'it could not be started',
  UserInitiated: 'it was stopped',
  ServiceSchedulerInitiated: 'it was stopped by a service',
};

function whyStopped(task: Task, container: Container | undefined): string {
  const said = [container?.reason, task.stoppedReason].filter((text) => text !== undefined && text !== '');
  const all = said.join('; ');
  const cause = CAUSES.find(([pattern]) => pattern.test(all))?.[1] ?? CODES[task.stopCode ?? ''];
  const code = container?.exitCode;
  // That the container exited is all that ECS says of an end of its own accord.
  if (cause === undefined && code !== undefined) return `ended with code ${code}`;
  return [cause ?? 'it ended', ...(all === '' ? [] : [`(${all})`])].join(' ');
}
