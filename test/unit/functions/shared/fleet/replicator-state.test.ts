import type { Task } from '@aws-sdk/client-ecs';
import { expect, test } from 'vitest';
import { replicatorState } from '#shared/fleet/ecs/replicator-state.ts';

const replicator = { name: 'replicator', exitCode: undefined as number | undefined };
const OVERRIDES = {
  containerOverrides: [{ name: 'sidecar' }, { name: 'replicator', environment: [{ name: 'A', value: 'a' }] }],
};

test.each(['PROVISIONING', 'PENDING', 'ACTIVATING', 'RUNNING', 'DEACTIVATING', 'STOPPING', 'DEPROVISIONING'])(
  'something may run while it is %s',
  (lastStatus) => {
    const state = replicatorState({ lastStatus, desiredStatus: 'STOPPED', containers: [{ exitCode: 0 }] });
    expect(state).toEqual({ kind: 'running' });
  },
);

test.each([
  ['RUNNING', 'HEALTHY', true],
  ['RUNNING', 'UNHEALTHY', false],
  ['RUNNING', 'UNKNOWN', undefined],
  ['PENDING', 'UNHEALTHY', undefined],
  ['STOPPING', 'UNHEALTHY', undefined],
] as const)('%s and %s is healthy: %s', (lastStatus, healthStatus, healthy) => {
  expect(replicatorState({ lastStatus, healthStatus })).toEqual({ kind: 'running', healthy });
});

test('the exit code is that of the container that was told the ids', () => {
  const containers = [
    { name: 'sidecar', exitCode: 1 },
    { name: 'replicator', exitCode: 75 },
  ];
  const state = replicatorState({ lastStatus: 'STOPPED', containers, overrides: OVERRIDES });
  expect(state).toMatchObject({ kind: 'stopped', exitCode: 75 });
});

const ENDS: readonly (readonly [string, Partial<Task>, number | undefined, string])[] = [
  [
    'by itself',
    { stopCode: 'EssentialContainerExited', stoppedReason: 'Essential container in task exited' },
    78,
    'ended with code 78',
  ],
  [
    'out of memory',
    {
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
      containers: [{ ...replicator, exitCode: 137, reason: 'OutOfMemoryError: Container killed' }],
    },
    137,
    'it ran out of memory; give the replicators more (OutOfMemoryError: Container killed; Essential container in task exited)',
  ],
  [
    'no image',
    { stopCode: 'TaskFailedToStart', stoppedReason: 'CannotPullContainerError: no such host' },
    undefined,
    'its image could not be pulled (CannotPullContainerError: no such host)',
  ],
  [
    'no secrets',
    {
      stopCode: 'TaskFailedToStart',
      stoppedReason: 'ResourceInitializationError: unable to pull secrets or registry auth: denied',
    },
    undefined,
    'its secrets could not be read (ResourceInitializationError: unable to pull secrets or registry auth: denied)',
  ],
  [
    'no log',
    {
      stopCode: 'TaskFailedToStart',
      stoppedReason: 'ResourceInitializationError: failed to create log stream',
    },
    undefined,
    'Fargate could not prepare it (ResourceInitializationError: failed to create log stream)',
  ],
  [
    'Spot',
    { stopCode: 'SpotInterruption', stoppedReason: 'Your Spot Task was interrupted.' },
    0,
    'Fargate Spot took its place back (Your Spot Task was interrupted.)',
  ],
  [
    'no room',
    { stopCode: 'TaskFailedToStart', stoppedReason: 'Capacity is unavailable at this time.' },
    undefined,
    'Fargate had no room for it (Capacity is unavailable at this time.)',
  ],
  [
    'health',
    { stopCode: 'ServiceSchedulerInitiated', stoppedReason: 'Task failed container health checks' },
    143,
    'its health check failed (Task failed container health checks)',
  ],
  [
    'maintenance',
    { stopCode: 'TerminationNotice' },
    0,
    'Fargate ended it to maintain the host or the platform',
  ],
  ['something new', { stoppedReason: 'The moon is full' }, undefined, 'it ended (The moon is full)'],
  ['without a word', {}, undefined, 'it ended'],
];

test.each(ENDS)('an end says why: %s', (_, task, exitCode, message) => {
  const containers = [{ ...replicator, exitCode }];
  expect(replicatorState({ lastStatus: 'STOPPED', containers, ...task })).toEqual({
    kind: 'stopped',
    exitCode: exitCode ?? null,
    message,
  });
});
