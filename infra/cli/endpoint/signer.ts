import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { UnavailableError } from '../failures.ts';

export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Answers the headers to send, signature included. */
export type Sign = (request: OutgoingRequest) => Promise<Record<string, string>>;

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface SignerOptions {
  readonly region: string;
  readonly credentials: () => Promise<AwsCredentials>;
  /** @default the clock of this machine */
  readonly now?: (() => Date) | undefined;
}

/** Longer than any source of credentials answers that is there: a login in the browser is none of them. */
const CREDENTIALS_MS = 15_000;

/** Signs requests to API Gateway with Signature Version 4. Fails with {@link UnavailableError} when there are no
 *  credentials. */
export function createSigner({ region, credentials, now = () => new Date() }: SignerOptions): Sign {
  return async ({ method, url, headers, body }) => {
    const signer = new SignatureV4({
      service: 'execute-api',
      region,
      sha256: Sha256,
      credentials: plain(await bounded(credentials)),
    });
    const signed = await signer.sign(
      {
        method,
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: { ...headers, host: url.host },
        body,
      },
      { signingDate: now() },
    );
    // The one who sends sets it, and to this very value.
    return Object.fromEntries(Object.entries(signed.headers).filter(([name]) => name !== 'host'));
  };
}

function plain({ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials) {
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

async function bounded(credentials: () => Promise<AwsCredentials>): Promise<AwsCredentials> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('none came in time')), CREDENTIALS_MS);
  try {
    return await Promise.race([credentials(), late.promise]);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UnavailableError(401, `there are no AWS credentials to sign with: ${why}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
