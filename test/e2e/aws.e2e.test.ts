import { ListSecretsCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createSigner } from '#shared/aws/sigv4.ts';
import { type Deployment, deploy } from '../support/aws/deployment.ts';
import { CdcClient } from '../support/cdc-client.ts';
import { waitUntil } from '../support/stack/wait-until.ts';
import { createTask, expectEqual, openSides, type Replicated, waitForPhase } from './harness.ts';
import { tableOf } from './tables.ts';

/** The service as it is deployed: the stack's own Lambdas, table, secrets and schedules in an emulated account, containers as
 *  processes, and real Milvus servers at both ends. */

let deployment: Deployment;
let replicated: Replicated & AsyncDisposable;

beforeAll(async () => {
  deployment = await deploy({ stack: inject('stack'), enforceIam: true });
  const { region, clientConfig } = deployment.aws;
  const credentials = async () => clientConfig.credentials;
  const sign = createSigner({ service: 'execute-api', region, credentials });
  const sides = await openSides({ stack: inject('stack'), name: 'aws' });
  replicated = {
    ...sides,
    cdc: new CdcClient(deployment.url, sign),
    [Symbol.asyncDispose]: () => sides[Symbol.asyncDispose](),
  };
}, 300_000);
afterAll(async () => {
  await replicated?.[Symbol.asyncDispose]();
  await deployment?.[Symbol.asyncDispose]();
});

/** ARNs of the containers that run for a task. */
function running(): readonly string[] {
  return deployment.ecs.tasks
    .filter(({ lastStatus }) => lastStatus === 'RUNNING')
    .map(({ taskArn }) => taskArn ?? '');
}

async function secretNames(): Promise<readonly string[]> {
  const { SecretList = [] } = await deployment.secrets.send(new ListSecretsCommand({}));
  return SecretList.map(({ Name }) => Name ?? '');
}

test('a request that is not signed is refused before any of our code sees it', async () => {
  const response = await fetch(deployment.url, { method: 'POST', body: '{"request_type": "list"}' });
  expect([response.status, await response.json()]).toEqual([403, { message: 'Forbidden' }]);
});

test('a create over the deployed API has rows flow, a crash starts the next generation, and a delete leaves nothing', async () => {
  const { cdc, targetUri } = replicated;
  const { ecs } = deployment;
  const table = tableOf(replicated, { name: 'rows' });
  await table.create();
  await table.insertNew(300);
  const connect = { uri: targetUri, token: 'root:Milvus' };
  const id = await createTask(replicated, { milvus_connect_param: connect });
  await expectEqual(replicated);
  expect((await waitForPhase(replicated, { id, phase: 'streaming' })).state).toBe('Running');

  const [first = ''] = running();
  expect(running()).toEqual([first]);
  expect(await secretNames()).toEqual([expect.stringMatching(/^milvus-cdc-test\/target-[0-9a-f]{32}$/)]);
  const started = ecs.requests
    .filter(({ operation }) => operation === 'RunTask')
    .map(({ input }) => JSON.stringify(input));
  expect(started.join()).not.toContain('root:Milvus');

  ecs.kill(first);
  await table.insertNew(300);
  await table.deleteKeys([...table.rows.keys()].slice(0, 50));
  // The event alone does it: the next sweep of the schedule may be a minute away.
  await waitUntil(async () => running().some((arn) => arn !== first), {
    what: 'a successor runs',
    timeoutMs: 45_000,
  });
  await expectEqual(replicated);

  // Without its event the schedule does it, within two minutes.
  const [second = ''] = running();
  deployment.delivers = false;
  ecs.kill(second);
  await waitUntil(async () => running().some((arn) => arn !== second), {
    what: 'the sweep starts a successor',
    timeoutMs: 150_000,
  });
  deployment.delivers = true;

  await cdc.pause(id);
  expect(running()).toEqual([]);
  await table.insertNew(100);
  await cdc.resume(id);
  await expectEqual(replicated);

  await cdc.delete(id);
  expect(await cdc.list()).toEqual([]);
  expect(running()).toEqual([]);
  await waitUntil(async () => (await secretNames()).length === 0, {
    what: 'the credentials are gone',
    timeoutMs: 90_000,
  });
});

test('a target that cannot be reached is told by the probe, and nothing is stored', async () => {
  const { cdc } = replicated;
  const connect = { uri: 'http://127.0.0.1:1', token: 'root:s3cret' };
  await expect(createTask(replicated, { milvus_connect_param: connect })).rejects.toThrow(
    'fail to connect the milvus: nothing listens at 127.0.0.1:1',
  );
  expect(await cdc.list()).toEqual([]);
  expect(await secretNames()).toEqual([]);
});
