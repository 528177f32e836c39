import { expect, test } from 'vitest';
import { createGatewaySigner } from '../../../../infra/cli/endpoint/signer.ts';
import { UnavailableError } from '../../../../infra/cli/failures.ts';
import { CREDENTIALS } from './cdc-world.ts';
import { givenSignature, signatureOf } from './sigv4.ts';

const now = () => new Date('2015-08-30T12:36:00Z');
const url = new URL('https://abc.execute-api.eu-central-1.amazonaws.com/cdc');

test('the check that these tests use agrees with a published example (get-vanilla of AWS)', () => {
  const scope = 'AKIDEXAMPLE/20150830/us-east-1/service/aws4_request';
  const signature = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';
  const headers = {
    host: 'example.amazonaws.com',
    'x-amz-date': '20150830T123600Z',
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}`,
  };
  const request = { method: 'GET', path: '/', headers, body: '' };
  expect(signatureOf(request, CREDENTIALS.secretAccessKey)).toBe(signature);
});

test('a request is signed for API Gateway in its region, body, content type and session included', async () => {
  const credentials = async () => ({ ...CREDENTIALS, sessionToken: 'session' });
  const sign = createGatewaySigner({ region: 'eu-central-1', credentials, now });
  const body = '{"request_type":"list"}';
  const sent = {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(body),
  };
  const headers = await sign(sent);
  expect(headers['authorization']).toContain('/20150830/eu-central-1/execute-api/aws4_request');
  expect(headers['authorization']).toContain(
    'SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token',
  );
  expect(headers).toMatchObject({ 'x-amz-security-token': 'session', 'content-type': 'application/json' });
  const received = { method: 'POST', path: '/cdc', headers: { ...headers, host: url.host }, body };
  expect(givenSignature(received)).toBe(signatureOf(received, CREDENTIALS.secretAccessKey));
  const forged = { ...received, body: '{"request_type":"delete"}' };
  expect(givenSignature(forged)).not.toBe(signatureOf(forged, CREDENTIALS.secretAccessKey));
});

test('whoever has no credentials is told so', async () => {
  const credentials = () => Promise.reject(new Error('Could not load credentials from any providers'));
  const sign = createGatewaySigner({ region: 'eu-central-1', credentials, now });
  const failure = sign({ method: 'GET', url, headers: {}, body: Buffer.alloc(0) });
  await expect(failure).rejects.toThrow(
    new UnavailableError(
      401,
      'there are no AWS credentials to sign with: Could not load credentials from any providers',
    ),
  );
});
