import { type AwsCredentials, createSigner, type Sign } from '#shared/aws/sigv4.ts';
import { UnavailableError } from '../failures.ts';

export interface GatewaySignerOptions {
  readonly region: string;
  readonly credentials: () => Promise<AwsCredentials>;
  /** @default the clock of this machine */
  readonly now?: (() => Date) | undefined;
}

/** Longer than any source of credentials takes that is there: a sign-in in the browser is none of them. */
const CREDENTIALS_MS = 15_000;

/** Signs requests to API Gateway. Fails with {@link UnavailableError} when there are no credentials. */
export function createGatewaySigner({ region, credentials, now }: GatewaySignerOptions): Sign {
  return createSigner({ service: 'execute-api', region, now, credentials: () => bounded(credentials) });
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
