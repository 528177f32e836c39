import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memoryStores } from '../../../contract/api/stores.ts';
import { type Answer, World } from '../../../contract/api/world.ts';

const SECRET = 'S3CRETxyzzy';
const TYPES = ['create', 'delete', 'get', 'list', 'maintenance', 'pause', 'position', 'resume'];

/** Text, or something that is not. */
const oddText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', '*', 'foo', 'bar', 'a.b', 'http://t:19530', 'ch_1_2v0', 't1') },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.jsonValue() },
);
const oddNumber = fc.oneof({ weight: 3, arbitrary: fc.integer() }, { arbitrary: fc.jsonValue(), weight: 1 });
const oddFlag = fc.oneof({ weight: 3, arbitrary: fc.boolean() }, { arbitrary: fc.jsonValue(), weight: 1 });
/** A secret, also inside things that do not belong there. */
const secret = fc.constantFrom<unknown>(SECRET, [SECRET], { password: SECRET }, { x: [SECRET] });
const secretUri = fc.constantFrom<unknown>(
  `http://u:${SECRET}@t:19530`,
  `https://${SECRET}:p/w@t`,
  `${SECRET}@t:19530`,
  `tcp://u:${SECRET}@t:1/db`,
  `http://t:19530/?token=${SECRET}`,
  [`http://u:${SECRET}@t`],
);
const orJson = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: value }, { weight: 1, arbitrary: fc.jsonValue() });
const some = (shape: Record<string, fc.Arbitrary<unknown>>) => orJson(fc.record(shape, { requiredKeys: [] }));

const info = some({
  name: oddText,
  positions: orJson(fc.dictionary(fc.constantFrom('ch_1_2v0', 'ch_1_3v0', 'x'), oddText)),
  use_start_position: oddFlag,
});
const infos = orJson(fc.array(info, { maxLength: 3 }));
const data = some({
  task_id: oddText,
  ignore_not_found: oddFlag,
  dry_run: oddFlag,
  milvus_connect_param: some({
    uri: fc.oneof(secretUri, oddText),
    host: fc.oneof(secretUri, oddText),
    port: fc.oneof(oddNumber, secretUri),
    username: secret,
    password: secret,
    token: secret,
    connect_timeout: oddNumber,
    enable_tls: oddFlag,
    dial_config: some({ ca_pem_path: oddText, client_key_path: oddText }),
  }),
  kafka_connect_param: some({
    address: oddText,
    topic: oddText,
    sasl: some({ username: secret, password: secret }),
  }),
  collection_infos: infos,
  db_collections: orJson(
    fc.dictionary(fc.constantFrom('*', 'db1', '__proto__', 'a.b', ''), infos, { maxKeys: 2 }),
  ),
  name_mapping: orJson(
    fc.array(
      some({
        source_db: oddText,
        target_db: oddText,
        collection_mapping: orJson(fc.dictionary(fc.string(), oddText)),
      }),
    ),
  ),
  rpc_channel_info: some({ name: oddText, position: oddText }),
  operation: fc.constantFrom('set_log_level', 'reset_log_msg', 'set_force_log_msg', 'x'),
  params: orJson(fc.dictionary(fc.constantFrom('log_level', 'force', 'count', 'duration'), fc.jsonValue())),
});

/** A create that is granted, with secrets wherever one can be. */
const goodCreate = fc.record({
  task_id: fc.constantFrom('t1', 't2', ''),
  milvus_connect_param: fc.record({
    uri: fc.constantFrom(`http://u:${SECRET}@t:19530`, `https://t/?token=${SECRET}`, `${SECRET}@t:19530`),
    token: fc.constantFrom('', SECRET),
    username: fc.constant(`${SECRET}u`),
    password: fc.constant(SECRET),
  }),
  kafka_connect_param: fc.record({ sasl: fc.record({ username: fc.constant(SECRET) }) }),
  collection_infos: fc.constantFrom([{ name: 'foo' }], [{ name: '*' }], [{ name: 'a' }, { name: 'b' }]),
});
const request = fc.oneof(
  fc.tuple(fc.constant('create'), goodCreate),
  fc.tuple(fc.constantFrom(...TYPES), data),
);

function checkEnvelope(body: string): Answer {
  expect(body.endsWith('\n')).toBe(true);
  const answer = JSON.parse(body) as Answer;
  expect([200, 400, 405, 500]).toContain(answer.code);
  const rest = answer.code === 200 ? ['code', 'data'] : ['code', 'message'];
  for (const member of Object.keys(answer)) expect(rest).toContain(member);
  if (answer.code !== 200) expect(answer.message).toMatch(/^(fail to |invalid 'request_type'|only support)/);
  return answer;
}

test('any body gets the envelope', async () => {
  await using world = await World.open(memoryStores);
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((json) => json.slice(0, -1)),
  );
  await fc.assert(
    fc.asyncProperty(body, async (text) => {
      checkEnvelope((await world.send(text)).body);
    }),
    { numRuns: 1000 },
  );
});

test('any request gets the envelope, and no secret leaves', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 4 }), async (requests) => {
      await using world = await World.open(memoryStores);
      const told: string[] = [];
      for (const [type, request] of requests) {
        const body = JSON.stringify({ request_type: type, request_data: request });
        told.push((await world.send(body)).body);
        checkEnvelope(told.at(-1) ?? '');
      }
      for (const type of ['list', 'position']) told.push(JSON.stringify(await world.call(type)));
      told.push(JSON.stringify(await world.tasks.listTasks()), ...world.logged);
      expect(told.join('')).not.toContain(SECRET);
    }),
    { numRuns: 2000 },
  );
}, 60_000);

test('a broken body that holds a secret is not quoted', async () => {
  await using world = await World.open(memoryStores);
  const whole = JSON.stringify({
    request_type: 'create',
    request_data: { milvus_connect_param: { token: SECRET } },
  });
  for (let end = 0; end < whole.length; end++) {
    for (const tail of ['', '"', '}', 'x', '\u0000']) {
      const { body } = await world.send(whole.slice(0, end) + tail);
      checkEnvelope(body);
      expect(body).not.toContain(SECRET);
    }
  }
});
