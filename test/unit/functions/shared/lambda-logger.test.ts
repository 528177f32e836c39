import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPowertools, lambdaContext, lambdaLogger } from '#shared/lambda-logger.ts';
import type { Logger } from '#shared/logger.ts';

let written = '';

beforeEach(() => {
  written = '';
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      written += String(text);
      return true;
    });
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function lines(): Record<string, unknown>[] {
  return written
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

function logger(level = 'info'): Logger {
  return lambdaLogger(createPowertools('cdc'), level);
}

const context = (awsRequestId: string) => ({ awsRequestId, functionName: 'f' }) as Context;

test('a line holds the message, its fields and those of its parents', () => {
  const log = logger().child({ part: 'probe' });
  log.child({ taskId: 't' }).info({ generation: 3 }, 'started');
  log.warn('plain');
  expect(lines()).toMatchObject([
    { level: 'INFO', message: 'started', service: 'cdc', part: 'probe', taskId: 't', generation: 3 },
    { level: 'WARN', message: 'plain', part: 'probe' },
  ]);
});

test('a line carries the request at hand, also one of a child that is older', async () => {
  const powertools = createPowertools('cdc');
  const child = lambdaLogger(powertools, 'info').child({ part: 'child' });
  const handler = middy()
    .use(lambdaContext(powertools))
    .handler(async () => child.info('handled'));
  await handler({}, context('first'));
  await handler({}, context('second'));
  expect(lines()).toMatchObject([
    { function_request_id: 'first', part: 'child' },
    { function_request_id: 'second', cold_start: false },
  ]);
});

test('nothing below the level is written, and a child has the level of its parent', () => {
  const log = logger('warn');
  const child = log.child({});
  child.info('unheard');
  log.level = 'debug';
  child.debug('heard');
  child.trace('unheard');
  log.level = 'silent';
  child.fatal('unheard');
  expect(lines().map(({ message }) => message)).toEqual(['heard']);
  expect(child.level).toBe('silent');
});

test('a level that was set stays with the next request', async () => {
  const powertools = createPowertools('cdc');
  const log = lambdaLogger(powertools, 'info');
  const handler = middy()
    .use(lambdaContext(powertools))
    .handler(async () => log.debug('detail'));
  await handler({}, context('1'));
  log.level = 'debug';
  await handler({}, context('2'));
  await handler({}, context('3'));
  expect(lines()).toHaveLength(2);
});

test('an error shows its message and stack', () => {
  logger().error({ err: new Error('away', { cause: new Error('why') }) }, 'failed');
  expect(lines()[0]).toMatchObject({
    err: { name: 'Error', message: 'away', stack: expect.stringContaining('at '), cause: { message: 'why' } },
  });
});

test('no credential is written, however deep it lies', () => {
  const secret = { token: 's3cret', password: 's3cret', authorization: 's3cret', clientKeyPem: 's3cret' };
  const log = logger();
  log.info(secret, 'fields');
  log.child(secret).info({ target: secret }, 'nested');
  log.error({ err: Object.assign(new Error('failed'), { request: { headers: secret } }) }, 'in an error');
  expect(lines()).toHaveLength(3);
  expect(written).not.toContain('s3cret');
  expect(written).toContain('"token":"***"');
});

test('an event is never written, whatever the environment says', async () => {
  vi.stubEnv('POWERTOOLS_LOGGER_LOG_EVENT', 'true');
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'DEBUG');
  const powertools = createPowertools('cdc');
  const handler = middy()
    .use(lambdaContext(powertools))
    .handler(async () => lambdaLogger(powertools, 'trace').info('handled'));
  await handler({ body: 's3cret' }, context('1'));
  expect(lines()).toHaveLength(1);
  expect(written).not.toContain('s3cret');
});
