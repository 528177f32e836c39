import { UsageError } from '../failures.ts';
import { urlFromOutputs } from './stack-outputs.ts';

/** Where the API is, and how a request shows who sends it. */
export interface Endpoint {
  /** Ends in `/cdc`. */
  readonly url: URL;
  readonly auth: Auth;
}

export type Auth =
  | { readonly kind: 'none' }
  | { readonly kind: 'sigv4'; readonly region: string }
  | { readonly kind: 'bearer'; readonly token: string };

/** Arguments of every command. */
export const ENDPOINT_OPTIONS = {
  url: { type: 'string' },
  outputs: { type: 'string' },
  stack: { type: 'string' },
  region: { type: 'string' },
  sign: { type: 'boolean' },
  'bearer-env': { type: 'string' },
} as const;

export const ENDPOINT_USAGE = `  --url URL          the API; default: $CDC_URL, else cdk-outputs.json here (written by
                     cdk deploy --outputs-file cdk-outputs.json), else http://127.0.0.1:8444/cdc
  --outputs FILE     another such file
  --stack NAME       which stack of the file
  --sign, --no-sign  sign with AWS credentials (SigV4); default: when the host is one of API Gateway
  --region REGION    to sign for; default: the host's, else $AWS_REGION
  --bearer-env NAME  send the token in this environment variable instead (an API with JWT authorization)
`;

export interface EndpointArguments {
  readonly url?: string | undefined;
  readonly outputs?: string | undefined;
  readonly stack?: string | undefined;
  readonly region?: string | undefined;
  readonly sign?: boolean | undefined;
  readonly 'bearer-env'?: string | undefined;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

const LOCAL = 'http://127.0.0.1:8444/cdc';

/** Host names that API Gateway gives, also of private endpoints; the region is in them. */
const GATEWAY_HOST = /(?:^|\.)execute-api\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/;

/** Finds out where to send requests and how to sign them. Fails with {@link UsageError}. */
export function endpointOf(given: EndpointArguments, around: Surroundings): Endpoint {
  const url = parseUrl(givenUrl(given, around) ?? LOCAL);
  return { url, auth: authOf(url, given, around) };
}

/** Undefined when nothing says where the API is. */
export function givenUrl(given: EndpointArguments, { env, cwd }: Surroundings): string | undefined {
  if (given.url !== undefined) return given.url;
  const named = given.outputs !== undefined || given.stack !== undefined;
  if (!named && env['CDC_URL']) return env['CDC_URL'];
  return urlFromOutputs({ file: given.outputs, stack: given.stack, cwd, required: named });
}

/** Clients of milvus-cdc are given the address without `/cdc`; both are understood. */
function parseUrl(text: string): URL {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new UsageError(`${text} is not the URL of an API; it looks like https://…/cdc`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError('the URL must not hold a user name or password');
  }
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith('/cdc') ? path : `${path}/cdc`;
  url.hash = '';
  return url;
}

function authOf(url: URL, given: EndpointArguments, { env }: Surroundings): Auth {
  const variable = given['bearer-env'];
  if (variable !== undefined) {
    if (given.sign === true) throw new UsageError('--sign and --bearer-env exclude each other');
    const token = env[variable];
    if (!token) throw new UsageError(`the environment has no ${variable}, which --bearer-env names`);
    return { kind: 'bearer', token };
  }
  const hostRegion = GATEWAY_HOST.exec(url.hostname)?.[1];
  if (!(given.sign ?? hostRegion !== undefined)) return { kind: 'none' };
  const region = given.region ?? hostRegion ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  if (!region) {
    throw new UsageError(`the host ${url.hostname} names no region to sign for; give --region or AWS_REGION`);
  }
  return { kind: 'sigv4', region };
}
