import { z } from 'zod';
import { settingsSchema } from '../../replicator/runtime/settings.ts';
import type { Egress } from './network.ts';
import type { Problems } from './problems.ts';
import { count, flag, json, oneOf, type Values } from './setting.ts';

/** What Fargate runs: CPU units -> MiB of memory, from, to, in steps of. A replicator is one process of Node, which has
 *  no use for more. */
const SIZES: Readonly<Record<string, { readonly from: number; readonly to: number; readonly step: number }>> =
  {
    '256': { from: 512, to: 2_048, step: 512 },
    '512': { from: 1_024, to: 4_096, step: 1_024 },
    '1024': { from: 2_048, to: 8_192, step: 1_024 },
    '2048': { from: 4_096, to: 16_384, step: 1_024 },
    '4096': { from: 8_192, to: 30_720, step: 1_024 },
  };
const CPUS = ['256', '512', '1024', '2048', '4096'] as const;
const ARCHITECTURES = ['ARM64', 'X86_64'] as const;

export const REPLICATOR_SETTINGS = {
  cpu: {
    schema: z.preprocess(
      (value) => (typeof value === 'number' ? String(value) : value),
      oneOf(CPUS).default('512'),
    ),
    type: CPUS.join(', '),
    meaning: 'CPU units of a replicator; 1024 are one core',
    example: '1024',
  },
  memory: {
    schema: count({ min: 512, max: 30_720 }).optional(),
    type: 'MiB',
    meaning: 'Memory of a replicator; Fargate allows twice to eight times the CPU units',
    otherwise: 'twice `replicator.cpu`',
    example: '2048',
  },
  architecture: {
    schema: oneOf(ARCHITECTURES).default('ARM64'),
    type: ARCHITECTURES.join(', '),
    meaning: 'Processor that replicators run on; `replicatorImage` must be made for it',
    example: 'X86_64',
  },
  spot: {
    schema: flag.default(false),
    type: 'true, false',
    meaning:
      'Fargate Spot: about a third of the price, and AWS may stop a replicator, which then starts again where it was',
    example: 'true',
  },
  settings: {
    schema: json,
    type: 'block',
    meaning:
      'What may be tuned in a replicator; see [replicator/runtime/settings.ts](../replicator/runtime/settings.ts)',
    example: '{"requestsInFlight": 8}',
  },
} as const;

export interface ReplicatorConfig {
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly architecture: (typeof ARCHITECTURES)[number];
  readonly spot: boolean;
  /** As given; undefined: the replicator's own. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
}

export type ImageConfig =
  /** Built from this repository when the stack is deployed. */
  | { readonly kind: 'bundle' }
  | { readonly kind: 'registry'; readonly name: string }
  | { readonly kind: 'ecr'; readonly name: string; readonly repositoryArn: string };

/** Tells `problems` what does not go together; the answer is of use only when there are none. */
export function replicatorOf(
  replicator: Values<typeof REPLICATOR_SETTINGS>,
  problems: Problems,
): ReplicatorConfig {
  const cpu = Number(replicator.cpu);
  const memoryMiB = replicator.memory ?? cpu * 2;
  const size = SIZES[replicator.cpu];
  const fits =
    size !== undefined && memoryMiB >= size.from && memoryMiB <= size.to && memoryMiB % size.step === 0;
  if (size !== undefined && !fits) {
    const { from, to, step } = size;
    problems.refuse(
      'replicator.memory',
      `must be from ${from} to ${to} in steps of ${step} with replicator.cpu ${cpu}`,
    );
  }
  const { settings } = replicator;
  const wrong = settings && z.strictObject(settingsSchema.shape).safeParse(settings).error?.issues[0];
  if (wrong !== undefined) {
    const path = wrong.path.length === 0 ? '' : `${wrong.path.join('.')}: `;
    problems.refuse('replicator.settings', `cannot be used: ${path}${wrong.message}`);
  }
  return {
    cpu,
    memoryMiB,
    architecture: replicator.architecture,
    spot: replicator.spot,
    settings,
  };
}

const ECR = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?)\/([a-z0-9._/-]+)[:@]/;

/** An image without a version would change under the feet of running tasks, and no roll-out would notice. */
export function imageOf(
  name: string | undefined,
  { egress, problems }: { readonly egress: Egress; readonly problems: Problems },
): ImageConfig {
  if (name === undefined) return { kind: 'bundle' };
  const version = /(?:@sha256:[0-9a-f]{64}|:(?<tag>[\w][\w.-]*))$/.exec(name);
  if (version === null || version.groups?.['tag'] === 'latest') {
    problems.refuse('replicatorImage', 'must name a version: a tag other than latest, or a digest');
  }
  const [, account, region, domain, repository] = ECR.exec(name) ?? [];
  if (account !== undefined && region !== undefined) {
    const partition =
      domain === 'amazonaws.com.cn' ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
    const repositoryArn = `arn:${partition}:ecr:${region}:${account}:repository/${repository}`;
    return { kind: 'ecr', name, repositoryArn };
  }
  if (egress === 'endpoints') {
    problems.refuse(
      'replicatorImage',
      'must be in ECR: with network.egress endpoints replicators reach no other registry',
    );
  }
  return { kind: 'registry', name };
}
