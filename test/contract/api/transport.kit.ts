import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { createHandler } from '../../../functions/cdc/handler.ts';
import type { HttpEvent } from '../../../functions/cdc/http-event.ts';
import { httpEvent, type MakeStores, World } from './world.ts';

const TYPES = ['create', 'delete', 'get', 'list', 'maintenance', 'pause', 'position', 'resume'];
const UNMARSHAL = 'fail to unmarshal the request, error: ';

const HEADERS = { 'X-CDC-Status': 'real' };

function restEvent(more: Partial<APIGatewayProxyEvent>): APIGatewayProxyEvent {
  const common = { httpMethod: 'POST', path: '/cdc', resource: '/cdc', isBase64Encoded: false, body: null };
  return { ...common, headers: HEADERS, ...more } as APIGatewayProxyEvent;
}

/** How one body reaches the handler. */
const FORMS: readonly (readonly [name: string, event: (body: string) => HttpEvent])[] = [
  ['as an event of an HTTP API', (body) => httpEvent(body, { headers: HEADERS })],
  ['as an event of a REST API', (body) => restEvent({ body })],
  [
    'in base64, from an HTTP API',
    (body) => ({ ...httpEvent(base64(body), { headers: HEADERS }), isBase64Encoded: true }),
  ],
  ['in base64, from a REST API', (body) => restEvent({ body: base64(body), isBase64Encoded: true })],
  [
    'with another content type',
    (body) =>
      httpEvent(body, { headers: { ...HEADERS, 'content-type': 'application/x-www-form-urlencoded' } }),
  ],
];

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Statements 1–21: envelope and decoding. */
export function describeTransport(name: string, makeStores: MakeStores): void {
  describe(`transport and decoding on ${name}`, () => {
    test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])(
      '1, 2: %s is refused with HTTP 200',
      async (method) => {
        await using world = await World.open(makeStores);
        const answer = await world.send(undefined, { method });
        expect(answer.statusCode).toBe(200);
        expect(JSON.parse(answer.body)).toEqual({ code: 405, message: 'only support the POST method' });
      },
    );

    test.each([
      ['3: text', 'fooooo'],
      ['4: nothing', ''],
      ['5: a list', '[]'],
      ['8: a number as request type', '{"request_type":5}'],
      ['9: a list as request_data', '{"request_type":"get","request_data":[]}'],
      ['a text as request_data', '{"request_type":"get","request_data":"x"}'],
      ['10: text after the object', '{"request_type":"list"} trailing'],
    ])('%s cannot be unmarshalled', async (_, body) => {
      await using world = await World.open(makeStores);
      const answer = await world.post(body);
      expect(answer.code).toBe(500);
      expect(answer.message).toMatch(new RegExp(`^${UNMARSHAL}.`));
      expect(answer).not.toHaveProperty('data');
    });

    test.each([
      ['5: null', 'null'],
      ['5: an empty object', '{}'],
      ['6: an unknown type', '{"request_type":"foo"}'],
      ['7: a type in another case', '{"request_type":"Create"}'],
      ['null as type', '{"request_type":null}'],
    ])('%s gets the eight request types', async (_, body) => {
      await using world = await World.open(makeStores);
      const { code, message = '' } = await world.post(body);
      expect(code).toBe(400);
      const [, list = ''] = /^invalid 'request_type' param, can be set \[(.*)\]$/.exec(message) ?? [];
      expect(list.split(' ').toSorted()).toEqual(TYPES);
    });

    test('11: an unknown top-level member is ignored', async () => {
      await using world = await World.open(makeStores);
      expect(await world.post('{"request_type":"list","more":1}')).toEqual({
        code: 200,
        data: { tasks: [] },
      });
    });

    test('12: an answer ends with a newline and leaves out what is empty', async () => {
      await using world = await World.open(makeStores);
      const { body, headers } = await world.send(
        '{"request_type":"delete","request_data":{"task_id":"x","ignore_not_found":true}}',
      );
      expect(body).toBe('{"code":200}\n');
      expect(headers).toMatchObject({ 'content-type': 'application/json' });
    });

    test('a body of more than 256 KB is not read, and one of 256 KB is', async () => {
      await using world = await World.open(makeStores);
      const filled = (bytes: number) => `{"request_type":"list","x":"${'é'.repeat((bytes - 30) / 2)}"}`;
      const [fits, large] = [filled(262_144), filled(262_146)];
      expect([fits, large].map((body) => Buffer.byteLength(body))).toEqual([262_144, 262_146]);
      expect(await world.post(fits)).toMatchObject({ code: 200 });
      expect(await world.post(large)).toEqual({
        code: 500,
        message: 'fail to read the request body, error: it has more than 262144 bytes',
      });
    });

    test.each(FORMS)('a request is the same one %s', async (_, formed) => {
      await using world = await World.open(makeStores);
      const send = async (request: object) => {
        const event = formed(JSON.stringify(request));
        const { body, statusCode } = await createHandler(world.deps)(event, {} as Context);
        return { status: statusCode, ...(JSON.parse(body) as object) };
      };
      const target = { uri: 'http://t:19530' };
      const request_data = {
        task_id: 'é',
        milvus_connect_param: target,
        collection_infos: [{ name: 'foo' }],
      };
      expect(await send({ request_type: 'create', request_data })).toEqual({
        ...{ status: 200, code: 200 },
        data: { task_id: 'é' },
      });
      expect(await send({ request_type: 'get', request_data: { task_id: 'nope' } })).toEqual({
        ...{ status: 400, code: 400 },
        message: 'fail to handle the get request, error: not found: [nope]',
      });
      expect(await send({ request_type: 'list', x: 'x'.repeat(262_144) })).toMatchObject({ status: 500 });
    });

    test('the header x-cdc-status asks for real statuses', async () => {
      await using world = await World.open(makeStores);
      const headers = { 'X-Cdc-Status': 'real' };
      expect((await world.send('{', { headers })).statusCode).toBe(500);
      expect((await world.send('{}', { headers })).statusCode).toBe(400);
      expect((await world.send('', { headers, method: 'GET' })).statusCode).toBe(405);
      expect((await world.send('{"request_type":"list"}', { headers })).statusCode).toBe(200);
    });

    test.each([
      [
        '13: a port as text',
        'create',
        { milvus_connect_param: { port: '19530' } },
        ["'milvus_connect_param.port' expected type 'int', got unconvertible type 'string', value: '19530'"],
      ],
      [
        '14: two wrong members, sorted',
        'create',
        { task_id: 5, disable_auto_start: 'no' },
        [
          "'disable_auto_start' expected type 'bool', got unconvertible type 'string', value: 'no'",
          "'task_id' expected type 'string', got unconvertible type 'float64', value: '5'",
        ],
      ],
      [
        '15: an object as collection_infos',
        'create',
        { collection_infos: { name: 'x' } },
        ["'collection_infos': source data must be an array or slice, got map"],
      ],
      [
        '16: a number as buffer_config',
        'create',
        { buffer_config: 10001 },
        ["'buffer_config' expected a map, got 'float64'"],
      ],
      [
        'a name inside lists and maps',
        'create',
        { db_collections: { db1: [{ name: 1 }] }, collection_infos: [{ positions: { ch: 1e6 } }] },
        [
          "'collection_infos[0].positions[ch]' expected type 'string', got unconvertible type 'float64', value: '1e+06'",
          "'db_collections[db1][0].name' expected type 'string', got unconvertible type 'float64', value: '1'",
        ],
      ],
      [
        '20: a number as id of get',
        'get',
        { task_id: 5 },
        ["'task_id' expected type 'string', got unconvertible type 'float64', value: '5'"],
      ],
      [
        '21: a text as ignore_not_found',
        'delete',
        { ignore_not_found: 'yes' },
        ["'ignore_not_found' expected type 'bool', got unconvertible type 'string', value: 'yes'"],
      ],
      ['params of maintenance', 'maintenance', { params: 1 }, ["'Params' expected a map, got 'float64'"]],
    ])('%s is told as the decoder does', async (_, type, data, lines) => {
      await using world = await World.open(makeStores);
      const list = lines.map((line) => `* ${line}`).join('\n');
      expect(await world.call(type, data)).toEqual({
        code: 500,
        message: `fail to decode the ${type} request, error: ${lines.length} error(s) decoding:\n\n${list}`,
      });
    });

    test('credentials in members of the wrong type are not shown', async () => {
      await using world = await World.open(makeStores);
      const { message } = await world.call('create', {
        milvus_connect_param: {
          password: 12345678,
          token: ['s3cret-token'],
          username: { a: 's3cret-user' },
          port: 'http://me:s3cret-pw@host',
        },
      });
      expect(message).toContain('4 error(s) decoding');
      expect(message).not.toMatch(/12345678|s3cret/);
      expect(message).toContain("value: '***'");
    });

    test('17: keys are honoured in any case', async () => {
      await using world = await World.open(makeStores);
      const answer = await world.post(
        '{"Request_Type":"create","REQUEST_DATA":{"TASK_ID":"t1","Milvus_Connect_Param":{"URI":"http://t:19530"},"Collection_Infos":[{"NAME":"foo"}]}}',
      );
      expect(answer).toEqual({ code: 200, data: { task_id: 't1' } });
    });

    test('18: a fraction is cut off a port', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create({
        milvus_connect_param: { host: 'h', port: 19530.9 },
        collection_infos: [{ name: 'foo' }],
      });
      expect(await world.get(id)).toMatchObject({ milvus_connect_param: { port: 19530 } });
      expect(world.probe.checked[0]?.target.uri).toBe('http://h:19530');
    });

    test('19: null counts as absent', async () => {
      await using world = await World.open(makeStores);
      const answer = await world.call('create', {
        milvus_connect_param: null,
        collection_infos: [{ name: 'foo' }],
      });
      expect(answer.message).toMatch(/the downstream address is empty$/);
    });
  });
}
