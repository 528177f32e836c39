import { z } from 'zod';
import { REQUESTS, type RequestType } from './requests.ts';

const SUMMARIES: Readonly<Record<RequestType, string>> = {
  create: 'Keep collections of another Milvus equal to the source’s',
  delete: 'Stop a task and forget it; the target keeps what it has',
  get: 'One task, with its status and its collections',
  list: 'All tasks',
  maintenance: 'Change the log level',
  pause: 'Stop a task for now',
  position: 'How far tasks have come, channel by channel',
  resume: 'Go on with a paused task',
};

type Json = Readonly<Record<string, unknown>>;

/** The API as an OpenAPI 3.0 document. Requests are made of the schemas that decode them; what decoding is lenient about
 *  (keys in any case, unknown members, fractions) is not said. `openapi.json` is this
 *  (`write-openapi.ts` writes it), and a test keeps it so. */
export function openApi(): Json {
  const types = Object.keys(REQUESTS) as RequestType[];
  const schemas = types.map((type) => [schemaName(type), requestSchema(type)] as const);
  return {
    openapi: '3.0.3',
    info: {
      title: 'Milvus CDC',
      version: '1',
      description: 'One path for all requests; see API.md for examples and every error text.',
    },
    paths: {
      '/cdc': {
        post: {
          operationId: 'cdc',
          summary: 'All requests; `request_type` tells which',
          parameters: [
            {
              name: 'x-cdc-status',
              in: 'header',
              description: 'With `real`, HTTP’s status is the `code` of the answer; else it is always 200',
              schema: { type: 'string', enum: ['real'] },
            },
          ],
          requestBody: { required: true, content: json(anyOf(types)) },
          responses: {
            200: answer('An envelope; its `code` tells whether the request succeeded'),
            '4XX': answer('With `x-cdc-status: real`: the caller’s fault'),
            500: answer('With `x-cdc-status: real`: the server’s fault, or the target’s or the source’s'),
          },
        },
      },
    },
    components: { schemas: { ...Object.fromEntries(schemas), Envelope: ENVELOPE } },
  };
}

const ENVELOPE: Json = {
  type: 'object',
  required: ['code'],
  properties: {
    code: { type: 'integer', enum: [200, 400, 405, 500] },
    message: { type: 'string', description: 'On failure only' },
    data: { type: 'object', description: 'On success, when there is something to say' },
  },
};

function schemaName(type: RequestType): string {
  return `${type[0]?.toUpperCase()}${type.slice(1)}Request`;
}

function requestSchema(type: RequestType): Json {
  const data = z.toJSONSchema(REQUESTS[type], { target: 'openapi-3.0', io: 'input' });
  return {
    type: 'object',
    description: SUMMARIES[type],
    required: ['request_type'],
    properties: { request_type: { type: 'string', enum: [type] }, request_data: withoutRequired(data) },
  };
}

function anyOf(types: readonly RequestType[]): Json {
  const ref = (type: RequestType) => `#/components/schemas/${schemaName(type)}`;
  return {
    oneOf: types.map((type) => ({ $ref: ref(type) })),
    discriminator: {
      propertyName: 'request_type',
      mapping: Object.fromEntries(types.map((type) => [type, ref(type)])),
    },
  };
}

function answer(description: string): Json {
  return { description, content: json({ $ref: '#/components/schemas/Envelope' }) };
}

function json(schema: Json): Json {
  return { 'application/json': { schema } };
}

/** The decoder has a zero value for every member: which have to be given is a rule of the operation, told in its words. */
function withoutRequired(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutRequired);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => !(key === 'required' && Array.isArray(value)) && key !== '$schema')
      .map(([key, value]) => [key, withoutRequired(value)]),
  );
}
