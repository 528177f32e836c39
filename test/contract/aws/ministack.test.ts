import {
  CreateSecretCommand,
  DescribeSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { expect, test } from 'vitest';
import { startMinistack } from '../../support/aws/ministack.ts';

test('the emulated AWS serves an unmodified SDK client, in one account, until it is stopped', async () => {
  const ministack = await startMinistack();
  const client = new SecretsManagerClient({ ...ministack.clientConfig, maxAttempts: 1 });
  const { ARN } = await client.send(new CreateSecretCommand({ Name: 'a', SecretString: 's' }));
  expect(ARN).toContain(`:${ministack.region}:${ministack.accountId}:secret:a-`);
  await ministack.stop();
  await expect(client.send(new DescribeSecretCommand({ SecretId: 'a' }))).rejects.toThrow('ECONNREFUSED');
});
