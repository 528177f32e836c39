import { z } from 'zod';
import { jsonText } from '../environment.ts';
import { REPLICATOR_ENV, REPLICATOR_SECRETS } from '../names.ts';
import { type KafkaSourceConfig, kafkaSourceConfig } from './source.ts';

const { etcdLogin, etcdKey, kafkaLogin, kafkaKey } = REPLICATOR_SECRETS;

/** The form of the source's secrets. */
const login = jsonText.pipe(z.object({ username: z.string().min(1), password: z.string() }));
const key = z.string().includes('-----BEGIN ', { error: 'is not PEM text' });

/** Settings as they are handed over: any of the secrets may still be missing in them. */
const incomplete = z.looseObject({
  etcd: z.looseObject({ tls: z.looseObject({}).optional() }),
  kafka: z.looseObject({ sasl: z.looseObject({}).optional(), tls: z.looseObject({}).optional() }),
});

/** The source as a replicator's environment tells it: settings that everybody may read, and beside them the secrets that
 *  they lack. Issues name the variables, never a value. */
export const sourceEnvironment = z
  .object({
    [REPLICATOR_ENV.source]: jsonText.pipe(incomplete),
    [etcdLogin]: login.optional(),
    [etcdKey]: key.optional(),
    [kafkaLogin]: login.optional(),
    [kafkaKey]: key.optional(),
  })
  .transform((given, context): KafkaSourceConfig => {
    const { etcd, kafka, ...rest } = given[REPLICATOR_ENV.source];
    const parsed = kafkaSourceConfig.safeParse({
      ...rest,
      etcd: { ...etcd, ...auth(given[etcdLogin]), ...tls(etcd.tls, given[etcdKey]) },
      kafka: { ...kafka, ...sasl(kafka.sasl, given[kafkaLogin]), ...tls(kafka.tls, given[kafkaKey]) },
    });
    if (parsed.success) return parsed.data;
    for (const { path, message } of parsed.error.issues) {
      context.addIssue({ code: 'custom', path: [REPLICATOR_ENV.source, ...path], message });
    }
    return z.NEVER;
  });

type Part = Readonly<Record<string, unknown>> | undefined;

function auth(given: Part): object {
  return given === undefined ? {} : { auth: given };
}

function sasl(part: Part, given: Part): object {
  return given === undefined ? {} : { sasl: { ...part, ...given } };
}

function tls(part: Part, secret: string | undefined): object {
  return secret === undefined ? {} : { tls: { ...part, key: secret } };
}
