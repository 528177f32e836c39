import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Answers the headers to send, signature included, but for `host`: whoever sends sets it, and to this very value. */
export type Sign = (request: OutgoingRequest) => Promise<Record<string, string>>;

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface SignerOptions {
  /** As AWS names it in signatures, `execute-api` for one. */
  readonly service: string;
  readonly region: string;
  readonly credentials: () => Promise<AwsCredentials>;
  /** @default the clock of this machine */
  readonly now?: (() => Date) | undefined;
}

/** Signs requests with Signature Version 4, for what no SDK client is there. Fails as `credentials` does. */
export function createSigner(options: SignerOptions): Sign {
  const { service, region, credentials, now = () => new Date() } = options;
  return async ({ method, url, headers, body }) => {
    const identity = plain(await credentials());
    const signer = new SignatureV4({ service, region, sha256: Sha256, credentials: identity });
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
    return Object.fromEntries(Object.entries(signed.headers).filter(([name]) => name !== 'host'));
  };
}

function plain({ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials) {
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
