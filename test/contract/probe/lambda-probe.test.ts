import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { LambdaClient } from '@aws-sdk/client-lambda';
import type { Context } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { createLogger } from '#shared/log.ts';
import type { Logger } from '#shared/logger.ts';
import { type KafkaSourceConfig, kafkaSourceConfig } from '#shared/task/source.ts';
import { probeHandler } from '../../../functions/probe/handler.ts';
import { LambdaProbe } from '../../../functions/probe/lambda-probe.ts';
import { LambdaSourceProbe } from '../../../functions/probe/lambda-source-probe.ts';
import { LambdaTargetProbe } from '../../../functions/probe/lambda-target-probe.ts';
import { type SourceFacts, SourceProbeError } from '../../../functions/probe/source-probe.ts';
import { TargetProbeError, TargetRefusedError } from '../../../functions/probe/target-probe.ts';
import { type LambdaFunction, startLambdaDouble } from '../../support/aws/lambda-double.ts';

/** Both sides of the checks on AWS, with what Lambda does to a message in between. */

const SECRET = 's3cret-of-the-target';
const TARGET = { uri: 'http://target:19530', connectTimeoutMs: 1_000, ignorePartition: false };
const SOURCE = kafkaSourceConfig.parse({
  etcd: { endpoints: ['etcd:2379'], auth: { username: 'u', password: SECRET } },
  kafka: { bootstrap: ['kafka:9092'] },
});
const FACTS: SourceFacts = {
  version: '2.3.5',
  collections: [
    { database: 'default', name: 'a', historyComplete: true },
    { database: 'default', name: 'b', historyComplete: null },
  ],
  retention: { ms: 1_000, bytes: null },
  warnings: ['a warning'],
};

interface Side {
  readonly target?: () => Promise<{ readonly version: string }>;
  readonly source?: () => Promise<SourceFacts>;
}

/** The Lambda, its two checks replaced. */
function lambda({ target, source }: Side, log: Logger = createLogger('silent')): LambdaFunction {
  const handler = probeHandler({
    target: { check: target ?? (() => Promise.reject(new Error('not asked for'))) },
    source: (config: KafkaSourceConfig) => ({
      check: async () => {
        expect(config).toEqual(SOURCE);
        return source?.() ?? FACTS;
      },
      retention: async (channels) => ({ ms: channels.length, bytes: null }),
    }),
    log,
  });
  return async (event) => handler(event, {} as Context);
}

async function connect(run: LambdaFunction, functionName = 'probe') {
  const double = await startLambdaDouble({ probe: run });
  const client = new LambdaClient({ ...double.clientConfig, maxAttempts: 1 });
  const probe = new LambdaProbe({ client, functionName, startMs: 300 });
  return {
    target: new LambdaTargetProbe(probe),
    source: new LambdaSourceProbe(probe, async () => {
      await sleep(5);
      return SOURCE;
    }),
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      await double.close();
    },
  };
}

const failureOf = (check: Promise<unknown>): Promise<unknown> =>
  check.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error,
  );

test('what a check finds arrives as it was found', async () => {
  await using probes = await connect(lambda({ target: async () => ({ version: 'v2.3.5' }) }));
  const { target, source } = probes;
  expect(await target.check(TARGET, { token: SECRET }, 1_000)).toEqual({ version: 'v2.3.5' });
  expect(await source.check([{ database: 'default', collection: '*' }], 5_000)).toEqual(FACTS);
  expect(await source.retention(['a', 'b'], 5_000)).toEqual({ ms: 2, bytes: null });
});

test('what a check fails with arrives as its kind and its sentence', async () => {
  const failing = (error: Error) => ({
    target: () => Promise.reject(error),
    source: () => Promise.reject(error),
  });
  await using away = await connect(lambda(failing(new TargetProbeError('nothing listens at target:19530'))));
  const failed = await failureOf(away.target.check(TARGET, undefined, 1_000));
  expect(failed).toBeInstanceOf(TargetProbeError);
  expect(failed).not.toBeInstanceOf(TargetRefusedError);
  expect(failed).toMatchObject({ message: 'nothing listens at target:19530' });

  await using local = await connect(lambda(failing(new TargetRefusedError('it is here'))));
  expect(await failureOf(local.target.check(TARGET, undefined, 1_000))).toBeInstanceOf(TargetRefusedError);

  await using noSource = await connect(lambda(failing(new SourceProbeError('etcd holds no Milvus'))));
  const told = await failureOf(noSource.source.check([], 1_000));
  expect(told).toBeInstanceOf(SourceProbeError);
  expect(told).toMatchObject({ message: 'etcd holds no Milvus' });
});

describe('a Lambda that does not answer as it should is told in a sentence that holds no credential', () => {
  const cases: [string, LambdaFunction, string, RegExp][] = [
    [
      'it fails',
      async () => Promise.reject(new TypeError(SECRET)),
      'probe',
      /probe failed \(TypeError, its log/,
    ],
    ['it is older', async () => ({ kind: 'unknown' }), 'probe', /another release.*try again$/],
    ['it is newer', lambda({}), 'probe', /internal error, the log of the probe function has more/],
    [
      'it is not there',
      async () => null,
      'elsewhere',
      /elsewhere cannot be asked: ResourceNotFoundException/,
    ],
    ['it is silent', () => new Promise(() => {}), 'probe', /did not answer in time$/],
  ];
  test.each(cases)('%s', async (_, run, name, sentence) => {
    await using probes = await connect(run, name);
    const error = await failureOf(probes.target.check(TARGET, { token: SECRET }, 200));
    expect(error).toBeInstanceOf(TargetProbeError);
    expect((error as Error).message).toMatch(sentence);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(SECRET);
  });
});

test('a request that it does not understand is answered, and neither logged nor executed', async () => {
  const logged: unknown[] = [];
  const log = { ...createLogger('silent'), error: (...line: unknown[]) => void logged.push(line) } as Logger;
  const run = lambda({ target: async () => ({ version: 'v' }) }, log);
  expect(await run({ kind: 'target', target: TARGET, credentials: SECRET })).toMatchObject({
    failed: expect.stringMatching(/another release/),
  });
  expect(JSON.stringify(logged)).toContain('credentials');
  expect(JSON.stringify(logged)).not.toContain(SECRET);
});
