import { setTimeout as sleep } from 'node:timers/promises';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import type { Endpoint } from './endpoint/endpoint.ts';
import { createGatewaySigner } from './endpoint/signer.ts';
import { Upstream } from './endpoint/upstream.ts';

/** The way to an endpoint, with the AWS credentials that every AWS tool finds: environment, profiles, sign-in, roles. */
export function connect(endpoint: Endpoint): Upstream {
  const region = endpoint.auth.kind === 'sigv4' ? endpoint.auth.region : '';
  const sign = createGatewaySigner({ region, credentials: defaultProvider() });
  return new Upstream({ endpoint, sign, sleep: (ms) => sleep(ms) });
}
