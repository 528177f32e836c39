import { MINIMAL } from './synth.ts';

const NEW_VPC = { ...MINIMAL, 'network.vpcId': null, 'network.subnetIds': null };

/** Stacks that together have everything a stack may have. */
export const STAGES = {
  /** What an operator gets who sets nothing but source and network. */
  prod: MINIMAL,
  /** A private REST API, a new VPC with a NAT gateway, Spot. */
  private: {
    ...NEW_VPC,
    stage: 'private',
    'network.egress': 'nat',
    'api.authorization': 'none',
    'replicator.spot': true,
  },
  /** Tokens and a name of one's own, MSK by IAM, a new VPC without a way out, an image that was made before. */
  jwt: {
    ...NEW_VPC,
    stage: 'jwt',
    'network.egress': 'endpoints',
    'network.peerSecurityGroups': 'sg-0aaaaaaaaaaaaaaaa:2379,sg-0bbbbbbbbbbbbbbbb:9098',
    'source.kafka.auth': 'msk-iam',
    'source.kafka.clusterArn':
      'arn:aws:kafka:eu-west-1:111122223333:cluster/source/1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809-2',
    replicatorImage: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/milvus-cdc:1.4.0',
    'api.authorization': 'jwt',
    'api.jwt.issuer': 'https://login.example.com/',
    'api.jwt.audience': 'milvus-cdc',
    'api.jwt.scopes': 'cdc/admin',
    'api.domain.name': 'cdc.example.com',
    'api.domain.certificateArn':
      'arn:aws:acm:eu-west-1:111122223333:certificate/1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809',
    'alarms.email': 'on-call@example.com',
    existingTable: 'milvus-cdc-old-tasks',
    tags: 'team=search',
  },
  /** Logins from secrets with a key of one's own, public addresses, a table that goes with the stack. */
  dev: {
    ...NEW_VPC,
    stage: 'dev',
    'network.egress': 'public-ip',
    'source.etcd.loginSecret': 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:etcd-login-AbCdEf',
    'source.kafka.auth': 'scram-sha-512',
    'source.kafka.loginSecret': 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:AmazonMSK_cdc-AbCdEf',
    secretKeys: 'arn:aws:kms:eu-west-1:111122223333:key/1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809',
    removalPolicy: 'destroy',
    containerInsights: true,
  },
} as const satisfies Record<string, Record<string, unknown>>;
