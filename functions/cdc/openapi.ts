import { z } from 'zod';
import { ANSWER_PARTS, ANSWERS } from './answers.ts';
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

/** The API as an OpenAPI 3.0 document. Requests are made of the schemas that decode them, answers of those that the tests
 *  hold them to; what decoding is lenient about (keys in any case, unknown members, fractions) is not said, and neither is
 *  that answers have no other members, because a later release may add some. `openapi.json` is this
 *  (`write-openapi.ts` writes it), and a test keeps it so. */
export function openApi(): Json {
  const types = Object.keys(REQUESTS) as RequestType[];
  const requests = types.map((type) => [requestName(type), requestSchema(type)] as const);
  const answers = types.map((type) => [answerName(type), answerSchema(type)] as const);
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
            200: response(
              'The answer of that request type, or a failure: `code` tells. With `x-cdc-status: real` never a failure',
              { anyOf: [...types.map((type) => ref(answerName(type))), ref('Failure')] },
            ),
            '4XX': response('With `x-cdc-status: real`: the caller’s fault', ref('Failure')),
            500: response(
              'With `x-cdc-status: real`: the server’s fault, or the target’s or the source’s',
              ref('Failure'),
            ),
          },
        },
      },
    },
    components: {
      schemas: { ...Object.fromEntries([...requests, ...answers]), ...namedParts(), Failure: FAILURE },
    },
  };
}

const FAILURE: Json = {
  type: 'object',
  required: ['code', 'message'],
  properties: { code: { type: 'integer', enum: [400, 405, 500] }, message: { type: 'string' } },
};

function requestName(type: RequestType): string {
  return `${type[0]?.toUpperCase()}${type.slice(1)}Request`;
}

function answerName(type: RequestType): string {
  return `${type[0]?.toUpperCase()}${type.slice(1)}Answer`;
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

/** The envelope of a success. */
function answerSchema(type: RequestType): Json {
  const code = { type: 'integer', enum: [200] };
  const { [type]: data } = answerData();
  return data === undefined
    ? { type: 'object', required: ['code'], properties: { code } }
    : { type: 'object', required: ['code', 'data'], properties: { code, data } };
}

/** Each answer's `data`, which refers to the named parts. */
function answerData(): Readonly<Record<string, Json>> {
  return schemasOf(ANSWERS);
}

function namedParts(): Readonly<Record<string, Json>> {
  const names = new Set(Object.keys(ANSWER_PARTS));
  return Object.fromEntries(Object.entries(schemasOf({})).filter(([name]) => names.has(name)));
}

function schemasOf(more: Readonly<Record<string, z.ZodType | undefined>>): Record<string, Json> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries({ ...ANSWER_PARTS, ...more })) {
    if (schema !== undefined) registry.add(schema, { id });
  }
  const { schemas } = z.toJSONSchema(registry, {
    target: 'openapi-3.0',
    io: 'output',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, openEnded(schema)]));
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function anyOf(types: readonly RequestType[]): Json {
  return {
    oneOf: types.map((type) => ref(requestName(type))),
    discriminator: {
      propertyName: 'request_type',
      mapping: Object.fromEntries(types.map((type) => [type, `#/components/schemas/${requestName(type)}`])),
    },
  };
}

function response(description: string, schema: Json): Json {
  return { description, content: json(schema) };
}

function json(schema: Json): Json {
  return { 'application/json': { schema } };
}

/** A client must not refuse members that a later release adds. */
function openEnded(schema: unknown): Json {
  return without(
    schema,
    (key, value) => key === '$id' || (key === 'additionalProperties' && value === false),
  ) as Json;
}

/** The decoder has a zero value for every member: which have to be given is a rule of the operation, told in its words. */
function withoutRequired(schema: unknown): unknown {
  return without(schema, (key, value) => key === '$schema' || (key === 'required' && Array.isArray(value)));
}

/** The same schema without some members, at whatever depth. */
function without(schema: unknown, isOut: (key: string, value: unknown) => boolean): unknown {
  if (Array.isArray(schema)) return schema.map((item) => without(item, isOut));
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => !isOut(key, value))
      .map(([key, value]) => [key, without(value, isOut)]),
  );
}
