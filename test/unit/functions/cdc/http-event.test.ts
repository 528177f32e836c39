import type { APIGatewayProxyEvent } from 'aws-lambda';
import { expect, test } from 'vitest';
import { createHandler } from '../../../../functions/cdc/handler.ts';
import { type HttpEvent, readEvent } from '../../../../functions/cdc/http-event.ts';
import { memoryStores } from '../../../contract/api/stores.ts';
import { World } from '../../../contract/api/world.ts';

const REST = {
  httpMethod: 'POST',
  path: '/cdc',
  headers: {},
  isBase64Encoded: false,
  body: null,
} as unknown as APIGatewayProxyEvent;

test('an event of a REST API is read like one of an HTTP API', () => {
  expect(readEvent({ ...REST, body: '{}', headers: { 'X-CDC-Status': 'Real' } })).toEqual({
    method: 'POST',
    body: '{}',
    tooLarge: false,
    realStatus: true,
  });
});

test('a body in base64 is decoded', () => {
  const body = Buffer.from('{"é":1}').toString('base64');
  expect(readEvent({ ...REST, body, isBase64Encoded: true }).body).toBe('{"é":1}');
});

test('headers may be missing altogether', () => {
  expect(readEvent({ ...REST, headers: null } as unknown as HttpEvent)).toEqual({
    method: 'POST',
    body: '',
    tooLarge: false,
    realStatus: false,
  });
});

test('an event that is none gets the envelope', async () => {
  await using world = await World.open(memoryStores);
  const answer = await createHandler(world.deps)({} as HttpEvent, {} as never);
  expect(JSON.parse(answer.body)).toMatchObject({ code: 500 });
});
