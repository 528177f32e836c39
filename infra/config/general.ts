import { LOG_LEVELS } from '#shared/logger.ts';
import { parseTargetPattern } from '#shared/target-rules.ts';
import { arn, count, flag, list, matching, oneOf, pairs, text } from './setting.ts';

/** What CloudWatch Logs takes, as far as anybody may want it. */
export const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_827, 3_653,
] as const;
const REMOVAL = ['retain', 'destroy'] as const;

const retention = `must be one of ${RETENTION_DAYS.join(', ')}`;

/** The settings that belong to no block. */
export const GENERAL_SETTINGS = {
  stage: {
    schema: matching(
      /^[a-z][a-z0-9-]{0,19}$/,
      'must be up to 20 small letters, digits and hyphens, the first a letter',
    ).default('prod'),
    type: 'text',
    meaning: 'Which of several stacks this is; part of the name of the stack',
    example: 'staging',
  },
  stackName: {
    schema: matching(
      /^[A-Za-z][A-Za-z0-9-]{0,47}$/,
      'must be up to 48 letters, digits and hyphens, the first a letter',
    ).optional(),
    type: 'text',
    meaning: 'Name of the stack; everything in it that has a name begins with this',
    otherwise: '`milvus-cdc-<stage>`',
    example: 'search-cdc',
  },
  replicatorImage: {
    schema: text.optional(),
    type: 'image',
    meaning:
      'Container image of the replicators, with a version; in ECR, or in a registry that asks for no login',
    otherwise: 'built from this repository by `cdk deploy`, which needs Docker then',
    example: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/milvus-cdc:1.4.0',
  },
  allowedTargets: {
    schema: list(
      text.refine((target) => parseTargetPattern(target) !== undefined, {
        error: 'must be hosts, host:port or networks such as 10.0.0.0/8, without a scheme',
      }),
    ),
    type: 'list of host, host:port or block',
    meaning: 'Targets that a task may have; `*` stands for any part of a host',
    otherwise: 'any',
    example: '*.zillizcloud.com,10.20.0.0/16',
  },
  existingTable: {
    schema: matching(/^[A-Za-z0-9_.-]{3,255}$/, 'must be the name of a DynamoDB table').optional(),
    type: 'name',
    meaning:
      'Task table that an earlier stack left, in this account and region; its tasks go on. Not one that was restored to an earlier time: what was sent since would be sent twice',
    otherwise: 'a new table',
    example: 'milvus-cdc-prod-TasksTable1A2B3C4D-5E6F7G8H9I0J',
  },
  removalPolicy: {
    schema: oneOf(REMOVAL).default('retain'),
    type: REMOVAL.join(', '),
    meaning:
      'What becomes of the table when the stack is destroyed. `destroy` also takes its deletion protection away: every target would have to be copied anew',
    example: 'destroy',
  },
  logRetention: {
    schema: count({ min: 1, max: 3_653 })
      .refine((days) => RETENTION_DAYS.some((allowed) => allowed === days), { error: retention })
      .default(30),
    type: 'days',
    meaning: 'How long all logs are kept',
    example: '90',
  },
  logLevel: {
    schema: oneOf(LOG_LEVELS).default('info'),
    type: LOG_LEVELS.join(', '),
    meaning: 'Of Lambdas and replicators; a `maintenance` request changes it at run time',
    example: 'debug',
  },
  containerInsights: {
    schema: flag.default(false),
    type: 'true, false',
    meaning: "CloudWatch's own metrics of the ECS cluster; they cost more than all others together",
    example: 'true',
  },
  secretKeys: {
    schema: list(
      arn('kms', /[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+/, 'arn:aws:kms:eu-west-1:111122223333:key/uuid'),
    ),
    type: 'list of ARNs',
    meaning:
      "KMS keys of one's own that encrypt secrets named here or in a `create`; MSK asks for one for its logins",
    example: 'arn:aws:kms:eu-west-1:111122223333:key/1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809',
  },
  permissionsBoundary: {
    schema: arn('iam', /:\d{12}:policy\/.+/, 'arn:aws:iam::111122223333:policy/boundary').optional(),
    type: 'ARN',
    meaning: 'Managed policy that bounds every role of the stack, where an organisation asks for one',
    example: 'arn:aws:iam::111122223333:policy/boundary',
  },
  tags: {
    schema: pairs,
    type: 'list of name=value',
    meaning: 'Put on everything that the stack makes',
    example: 'team=search,cost-centre=4711',
  },
  alarms: {
    topicArn: {
      schema: arn(
        'sns',
        /[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+/,
        'arn:aws:sns:eu-west-1:111122223333:on-call',
      ).optional(),
      type: 'ARN',
      meaning: 'SNS topic that alarms are sent to',
      otherwise: 'alarms only change their state',
      example: 'arn:aws:sns:eu-west-1:111122223333:on-call',
    },
    email: {
      schema: matching(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'must be an e-mail address').optional(),
      type: 'address',
      meaning: 'Mailbox that alarms are sent to, by a topic of its own; SNS asks it to confirm once',
      example: 'on-call@example.com',
    },
  },
  emulation: {
    schema: flag.default(false),
    type: 'true, false',
    meaning:
      'For tests: leaves out what an emulated AWS account refuses, and publishes with the credentials of the caller',
    example: 'true',
  },
} as const;
