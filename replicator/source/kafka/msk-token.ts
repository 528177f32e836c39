import type { defaultProvider } from '@aws-sdk/credential-provider-node';

let credentials: ReturnType<typeof defaultProvider> | undefined;

/** The token that Amazon MSK takes for the role of this process: valid for 15 minutes, or as long as the role's present
 *  credentials, if that is less. */
export async function mskToken(region: string): Promise<string> {
  // Loaded by those who need it only.
  const { generateAuthTokenFromCredentialsProvider } = await import('aws-msk-iam-sasl-signer-js');
  const aws = await import('@aws-sdk/credential-provider-node');
  // It remembers them for as long as they are good.
  credentials ??= aws.defaultProvider();
  const current = credentials;
  const { token } = await generateAuthTokenFromCredentialsProvider({
    region,
    awsCredentialsProvider: async () => {
      // Told when they expire, the signer writes fractions of a second into the token, which no broker reads.
      const { expiration: _, ...signing } = await current();
      return signing;
    },
  });
  return token;
}
