import type { ConnectionOptions } from '@platformatic/kafka';
import type { KafkaConfig } from './config.ts';
import { mskToken } from './msk-token.ts';

type Sasl = NonNullable<KafkaConfig['sasl']>;
type SaslOptions = NonNullable<ConnectionOptions['sasl']>;

/** Makes a token for the MSK of a region. */
export type MskToken = (region: string) => Promise<string>;

/** How the Kafka library logs in. `token` is asked anew for each login. */
export function saslOptions(sasl: Sasl, token: MskToken = mskToken): SaslOptions {
  if (sasl.mechanism !== 'AWS_MSK_IAM') return { ...sasl };
  return {
    mechanism: 'OAUTHBEARER',
    token: () => token(sasl.region),
    authBytesValidator: (answer, done) => done(refusalIn(answer), answer),
  };
}

/** A broker that refuses a token says so in an answer without an error code, RFC 7628, section 3.2.2. */
function refusalIn(answer: Buffer): Error | null {
  if (answer.length === 0) return null;
  return new Error(`the broker refuses the token: ${answer.toString('utf8').slice(0, 200)}`);
}
