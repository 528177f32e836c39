import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endpointOf } from '../../../../infra/cli/endpoint/endpoint.ts';

const GATEWAY = 'https://abc123.execute-api.eu-central-1.amazonaws.com';
let cwd = '';

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'cdc-endpoint-'));
});

afterEach(() => rmSync(cwd, { recursive: true }));

function outputs(stacks: object, name = 'cdk-outputs.json'): void {
  writeFileSync(join(cwd, name), JSON.stringify(stacks));
}

function found(given: Parameters<typeof endpointOf>[0], env: Record<string, string> = {}) {
  const { url, auth } = endpointOf(given, { env, cwd });
  return { url: url.href, auth };
}

test.each([
  [`${GATEWAY}/cdc`, `${GATEWAY}/cdc`],
  [GATEWAY, `${GATEWAY}/cdc`],
  [`${GATEWAY}/prod/`, `${GATEWAY}/prod/cdc`],
  ['127.0.0.1:8444', 'http://127.0.0.1:8444/cdc'],
  ['localhost:8444/cdc', 'http://localhost:8444/cdc'],
])('%s is the API at %s', (url, href) => {
  expect(found({ url }).url).toBe(href);
});

test.each([
  [`${GATEWAY}/cdc`, { kind: 'sigv4', region: 'eu-central-1' }],
  [
    'https://x-vpce-1.execute-api.us-gov-west-1.amazonaws.com/prod/cdc',
    { kind: 'sigv4', region: 'us-gov-west-1' },
  ],
  ['https://x.execute-api.cn-north-1.amazonaws.com.cn/cdc', { kind: 'sigv4', region: 'cn-north-1' }],
  ['https://execute-api.eu-central-1.amazonaws.com.evil.example/cdc', { kind: 'none' }],
  ['https://cdc.example/cdc', { kind: 'none' }],
  ['http://127.0.0.1:8444/cdc', { kind: 'none' }],
])('requests to %s are signed only when it is API Gateway', (url, auth) => {
  expect(found({ url }).auth).toEqual(auth);
});

test('a domain of one’s own is signed for when that is asked for, for a region that has to be known', () => {
  const given = { url: 'https://cdc.example', sign: true };
  expect(found({ ...given, region: 'eu-west-1' }).auth).toEqual({ kind: 'sigv4', region: 'eu-west-1' });
  expect(found(given, { AWS_REGION: 'eu-west-2' }).auth).toEqual({ kind: 'sigv4', region: 'eu-west-2' });
  expect(() => found(given)).toThrow(
    'the host cdc.example names no region to sign for; give --region or AWS_REGION',
  );
  expect(found({ url: GATEWAY, sign: false }).auth).toEqual({ kind: 'none' });
});

test('a token in the environment stands for a signature', () => {
  const given = { url: GATEWAY, 'bearer-env': 'JWT' };
  expect(found(given, { JWT: 'x.y.z' }).auth).toEqual({ kind: 'bearer', token: 'x.y.z' });
  expect(() => found(given)).toThrow('the environment has no JWT, which --bearer-env names');
  expect(() => found({ ...given, sign: true }, { JWT: 'x' })).toThrow('exclude each other');
});

test('what is named wins over the environment, this over the outputs of a deployment, these over this machine', () => {
  expect(found({}).url).toBe('http://127.0.0.1:8444/cdc');
  outputs({ MilvusCdc: { ApiUrl: `${GATEWAY}/cdc`, TaskTableName: 't' } });
  expect(found({}).url).toBe(`${GATEWAY}/cdc`);
  expect(found({}, { CDC_URL: 'http://a' }).url).toBe('http://a/cdc');
  expect(found({ stack: 'MilvusCdc' }, { CDC_URL: 'http://a' }).url).toBe(`${GATEWAY}/cdc`);
  expect(found({ url: 'http://b' }, { CDC_URL: 'http://a' }).url).toBe('http://b/cdc');
});

test('one of several stacks has to be named', () => {
  outputs({ Green: { ApiUrl: 'http://green/cdc' }, Blue: { ApiUrl: 'http://blue/cdc' } }, 'both.json');
  expect(found({ outputs: 'both.json', stack: 'Blue' }).url).toBe('http://blue/cdc');
  expect(() => found({ outputs: 'both.json' })).toThrow(
    'both.json has several stacks: give --stack Green or Blue',
  );
  expect(() => found({ outputs: 'both.json', stack: 'Red' })).toThrow(
    'both.json has no URL of the stack Red; it has Green, Blue',
  );
});

test('outputs that are of no use are refused', () => {
  expect(() => found({ outputs: 'none.json' })).toThrow('none.json cannot be read');
  outputs({ Other: { Url: 'x' } });
  expect(() => found({})).toThrow('cdk-outputs.json holds no output ApiUrl');
  writeFileSync(join(cwd, 'cdk-outputs.json'), '[');
  expect(() => found({})).toThrow('cdk-outputs.json is not what cdk deploy --outputs-file writes');
});

test('credentials in the URL are refused: lists of processes show them', () => {
  expect(() => found({ url: 'https://a:b@cdc.example' })).toThrow('must not hold a user name or password');
});
