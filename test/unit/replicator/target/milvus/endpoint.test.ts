import { expect, test } from 'vitest';
import { parseEndpoint } from '../../../../../replicator/target/milvus/endpoint.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

test.each([
  ['http://localhost:19530', { address: 'localhost:19530', tls: false, database: '' }],
  ['http://localhost', { address: 'localhost:19530', tls: false, database: '' }],
  ['http://localhost:80/', { address: 'localhost:80', tls: false, database: '' }],
  ['http://user:80@localhost/', { address: 'localhost:19530', tls: false, database: '' }],
  ['https://milvus.example.com', { address: 'milvus.example.com:443', tls: true, database: '' }],
  [
    'https://milvus.example.com:19530/sales',
    { address: 'milvus.example.com:19530', tls: true, database: 'sales' },
  ],
  ['http://[::1]:19530', { address: '[::1]:19530', tls: false, database: '' }],
])('%s is an address, a database and whether TLS is spoken', (uri, expected) => {
  expect(parseEndpoint(uri)).toMatchObject(expected);
});

test('the login is taken from the URI, with percent signs decoded', () => {
  expect(parseEndpoint('http://root:p%40ss%3A%2F@localhost:19530').authorization).toBe(base64('root:p@ss:/'));
});

test('a token wins over what stands in the URI', () => {
  expect(parseEndpoint('http://root:old@localhost:19530', 'root:new').authorization).toBe(base64('root:new'));
  expect(parseEndpoint('http://localhost:19530', 'api-key').authorization).toBe(base64('api-key'));
  expect(parseEndpoint('http://localhost:19530', '').authorization).toBeUndefined();
});

test.each(['localhost:19530', 'tcp://localhost:19530', 'http://', '', 'http://root:geheim@'])(
  'fails on %j without repeating it',
  (uri) => {
    expect(() => parseEndpoint(uri)).toThrow(
      new TypeError("a Milvus's URI must be http(s)://host:port[/database]"),
    );
  },
);
