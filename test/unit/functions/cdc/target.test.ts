import { expect, test } from 'vitest';
import { decodeRequest } from '../../../../functions/cdc/decode.ts';
import { prepareTarget } from '../../../../functions/cdc/target.ts';

function prepare(param: object) {
  const { milvus_connect_param: decoded } = decodeRequest('create', { milvus_connect_param: param });
  return prepareTarget(decoded, {
    readPem: async (path) => `pem of ${path}`,
    secretReferences: undefined,
  });
}

test.each([
  ['http://h:19530', 'http://h:19530'],
  ['http://h', 'http://h:19530'],
  ['http://h:80', 'http://h:80'],
  ['https://h', 'https://h:443'],
  ['https://h:443/', 'https://h:443'],
  ['https://h:19530/db1', 'https://h:19530/db1'],
  ['tcp://h:19530', 'http://h:19530'],
  ['h:19530', 'http://h:19530'],
  ['127.0.0.1:19530', 'http://127.0.0.1:19530'],
  ['http://[::1]:19530', 'http://[::1]:19530'],
  ['http://u:p@h:19530', 'http://h:19530'],
])('%s is connected to as %s', async (uri, expected) => {
  expect((await prepare({ uri })).connection.uri).toBe(expected);
});

test.each(['http://', 'ftp://h:1', 'http://h:99999', 'http:// x', '//'])(
  '%s cannot be connected to',
  async (uri) => {
    await expect(prepare({ uri })).rejects.toMatchObject({
      code: 500,
      message: 'fail to connect the milvus: the uri is not of the form http(s)://host:port',
    });
  },
);

test.each([
  [{ host: 'h', port: 1 }, 'http://h:1'],
  [{ host: 'h', port: 1, enable_tls: true }, 'https://h:1'],
  [{ host: 'https://h:5', port: 1 }, 'https://h:5'],
  [{ uri: 'http://a:1', host: 'h', port: 2 }, 'http://a:1'],
  [{ uri: 'http://u:p@a:1/' }, 'http://a:1/'],
])('%j is the target %s', async (param, identity) => {
  expect((await prepare(param)).identity).toBe(identity);
});

test.each([
  [{ token: 't:t', username: 'u', password: 'p' }, 't:t'],
  [{ username: 'u', password: 'p' }, 'u:p'],
  [{ uri: 'http://u%40x:p%2F@h:1' }, 'u@x:p/'],
  [{ uri: 'http://u:100%@h:1' }, 'u:100%'],
])('%j logs in as %s', async (param, token) => {
  expect((await prepare({ uri: 'http://h:1', ...param })).secret).toEqual({ token, clientKeyPem: undefined });
});

test('without credentials there is no secret', async () => {
  expect((await prepare({ uri: 'http://h:1' })).secret).toBeUndefined();
});

test('a client certificate without its key is refused', async () => {
  await expect(prepare({ uri: 'https://h:1', dial_config: { client_pem_path: 'a' } })).rejects.toMatchObject({
    code: 400,
    message: 'dial_config.client_pem_path and dial_config.client_key_path belong together',
  });
});
