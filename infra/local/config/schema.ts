import { z } from 'zod';

/** The settings of `cdc.yaml`, by type. What they mean together is checked where they are put to use. */

const text = z.string({ error: 'must be a text' });
const count = z
  .number({ error: 'must be a whole number' })
  .int({ error: 'must be a whole number' })
  .nonnegative({ error: 'must not be negative' });
const flag = z.boolean({ error: 'must be true or false' });
const addresses = z
  .union([text.transform((one) => one.split(',').map((part) => part.trim())), z.array(text)], {
    error: 'must be a list of addresses',
  })
  .refine((list) => list.length > 0 && list.every((address) => address !== ''), {
    error: 'must name at least one address',
  });
/** YAML reads 1.3 as a number. */
const version = z
  .union([text, z.number().transform((value) => value.toFixed(1))])
  .pipe(z.enum(['1.0', '1.1', '1.2', '1.3'], { error: 'must be 1.0, 1.1, 1.2 or 1.3' }));

/** `null` (a key with nothing behind it) is the same as no key, as in milvus-cdc. */
function settings<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.preprocess(
    (value) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
        : (value ?? {}),
    z.object(shape, { error: 'must be a block of settings' }),
  );
}

const tlsFiles = {
  enableTLS: flag.default(false),
  tlsCertPath: text.optional(),
  tlsKeyPath: text.optional(),
  tlsCACertPath: text.optional(),
};

const etcd = settings({
  address: addresses.optional(),
  rootPath: text.optional(),
  metaSubPath: text.optional(),
  enableAuth: flag.default(false),
  username: text.optional(),
  password: text.optional(),
  ...tlsFiles,
  tlsMinVersion: version.optional(),
});

const kafka = settings({
  address: addresses.optional(),
  saslUsername: text.optional(),
  saslPassword: text.optional(),
  saslMechanisms: text.optional(),
  securityProtocol: text.optional(),
  consumer: z
    .record(z.string(), z.union([text, z.number(), z.boolean()]), { error: 'must be a block of settings' })
    .optional(),
  ...tlsFiles,
});

export const fileSchema = settings({
  address: text.optional(),
  maxTaskNum: count.default(100),
  maxNameLength: count.default(256),
  logLevel: text.default('info'),
  dataDir: text.default('.data'),
  api: settings({ oneCollectionPerTask: flag.default(false), showStatus: flag.default(true) }),
  dryRun: flag.default(false),
  sourceConfig: settings({
    etcd,
    etcdAddress: addresses.optional(),
    etcdRootPath: text.optional(),
    etcdMetaSubPath: text.optional(),
    replicateChan: text.default('by-dev-replicate-msg'),
    pulsar: z.unknown().optional(),
    kafka,
    milvus: settings({ uri: text.optional(), token: text.optional() }),
  }),
});

export type FileSettings = z.output<typeof fileSchema>;
export type SourceSettings = FileSettings['sourceConfig'];
export type EtcdSettings = SourceSettings['etcd'];
export type KafkaSettings = SourceSettings['kafka'];
