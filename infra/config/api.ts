import { z } from 'zod';
import { cidr, type NetworkConfig } from './network.ts';
import type { Problems } from './problems.ts';
import { arn, count, flag, list, matching, oneOf, text, type Values } from './setting.ts';

const AUTHORIZATION = ['iam', 'jwt', 'none'] as const;
const client = z.union([cidr, matching(/^sg-[0-9a-f]{8,17}$/, '')], {
  error: 'must be IPv4 blocks or ids of security groups',
});

export const API_SETTINGS = {
  authorization: {
    schema: oneOf(AUTHORIZATION).default('iam'),
    type: AUTHORIZATION.join(', '),
    meaning:
      'Who may call. `iam`: signed requests. `jwt`: tokens of an issuer. `none`: anybody who reaches a private endpoint in the VPC; nothing is reachable from outside',
    example: 'jwt',
  },
  jwt: {
    issuer: {
      schema: matching(/^https:\/\/\S+$/, 'must be the https:// address of the issuer').optional(),
      type: 'URL',
      meaning: 'Issuer of the tokens; with `jwt`',
      example: 'https://login.example.com/',
    },
    audience: {
      schema: list(text),
      type: 'list',
      meaning: 'One of these must be among the audiences of a token; with `jwt`',
      example: 'milvus-cdc',
    },
    scopes: {
      schema: list(text),
      type: 'list',
      meaning: 'One of these must be among the scopes of a token; with `jwt`',
      example: 'cdc/admin',
    },
  },
  domain: {
    name: {
      schema: matching(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'must be a name like cdc.example.com').optional(),
      type: 'host name',
      meaning: "Name of one's own for the API; the output `ApiDomainTarget` is what its DNS record points to",
      example: 'cdc.example.com',
    },
    certificateArn: {
      schema: arn(
        'acm',
        /[a-z0-9-]+:\d{12}:certificate\/.+/,
        'arn:aws:acm:eu-west-1:111122223333:certificate/uuid',
      ).optional(),
      type: 'ARN',
      meaning: 'Certificate of `api.domain.name`, in the region of the stack',
      example: 'arn:aws:acm:eu-west-1:111122223333:certificate/1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809',
    },
  },
  vpcEndpointId: {
    schema: matching(/^vpce-[0-9a-f]{8,17}$/, 'must be an id like vpce-0123456789abcdef0').optional(),
    type: 'id',
    meaning: 'Endpoint of `execute-api` that exists already; with `none`',
    otherwise: 'a new one in `network.vpcId`',
    example: 'vpce-0123456789abcdef0',
  },
  clients: {
    schema: list(client),
    type: 'list of IPv4 blocks or security groups',
    meaning: 'Who may connect to the new endpoint; with `none`',
    otherwise: 'the new VPC; required with `network.vpcId`',
    example: '10.0.0.0/8',
  },
  throttle: {
    rate: {
      schema: count({ min: 1, max: 10_000 }).default(20),
      type: 'requests per second',
      meaning: 'More than this, over a while, is answered with 429',
      example: '50',
    },
    burst: {
      schema: count({ min: 1, max: 5_000 }).default(40),
      type: 'requests',
      meaning: 'How many may come at once',
      example: '100',
    },
  },
  maxTasks: {
    schema: count({ min: 0, max: 10_000 }).default(100),
    type: 'number',
    meaning: "Tasks that may exist; milvus-cdc's `maxTaskNum`",
    example: '20',
  },
  maxNameLength: {
    schema: count({ min: 1, max: 65_535 }).default(256),
    type: 'number',
    meaning: "Longest database or collection name, in bytes; milvus-cdc's `maxNameLength`",
    example: '256',
  },
  oneCollectionPerTask: {
    schema: flag.default(false),
    type: 'true, false',
    meaning: "milvus-cdc's strict rule",
    example: 'true',
  },
  showStatus: {
    schema: flag.default(true),
    type: 'true, false',
    meaning: 'The additive `status` in answers',
    example: 'false',
  },
} as const;

type ApiSettings = Values<typeof API_SETTINGS>;

export type ApiAccess =
  | { readonly kind: 'iam' }
  | {
      readonly kind: 'jwt';
      readonly issuer: string;
      readonly audience: readonly string[];
      readonly scopes: readonly string[];
    }
  | { readonly kind: 'private'; readonly endpointId: string }
  | { readonly kind: 'private'; readonly clients: readonly string[] };

export interface ApiConfig {
  readonly access: ApiAccess;
  readonly domain?: { readonly name: string; readonly certificateArn: string } | undefined;
  readonly throttle: { readonly rate: number; readonly burst: number };
  /** Settings of the handler. */
  readonly handler: {
    readonly maxTasks: number;
    readonly maxNameLength: number;
    readonly oneCollectionPerTask: boolean;
    readonly showStatus: boolean;
  };
}

/** Tells `problems` what does not go together; the answer is of use only when there are none. */
export function apiOf(
  api: ApiSettings,
  { network, problems }: { readonly network: NetworkConfig; readonly problems: Problems },
): ApiConfig {
  const { maxTasks, maxNameLength, oneCollectionPerTask, showStatus } = api;
  refuseIdle(api, problems);
  return {
    access: accessOf(api, { network, problems }),
    domain: domainOf(api, problems),
    throttle: api.throttle,
    handler: { maxTasks, maxNameLength, oneCollectionPerTask, showStatus },
  };
}

function accessOf(
  api: ApiSettings,
  { network, problems }: { readonly network: NetworkConfig; readonly problems: Problems },
): ApiAccess {
  const { issuer = '', audience, scopes } = api.jwt;
  switch (api.authorization) {
    case 'iam':
      return { kind: 'iam' };
    case 'jwt':
      if (issuer === '') problems.refuse('api.jwt.issuer', 'is missing: api.authorization jwt needs it');
      if (audience.length === 0) {
        problems.refuse('api.jwt.audience', 'is missing: tokens made for others would be taken');
      }
      if (scopes.length === 0) {
        problems.refuse('api.jwt.scopes', 'is missing: every token of the issuer would be taken');
      }
      return { kind: 'jwt', issuer, audience, scopes };
    case 'none':
      if (api.vpcEndpointId !== undefined) return { kind: 'private', endpointId: api.vpcEndpointId };
      if (network.vpc.kind === 'new' && api.clients.length === 0) {
        return { kind: 'private', clients: [network.vpc.cidr] };
      }
      if (api.clients.length === 0) {
        problems.refuse('api.clients', 'is missing: say who may connect, or name api.vpcEndpointId');
      }
      return { kind: 'private', clients: api.clients };
  }
}

/** A setting that belongs to another authorization would seem to protect and does not. */
function refuseIdle(api: ApiSettings, problems: Problems): void {
  const refuse = (path: string, authorization: string) =>
    problems.refuse(path, `is only for api.authorization ${authorization}: take it out, or change that`);
  if (api.authorization !== 'jwt') {
    if (api.jwt.issuer !== undefined) refuse('api.jwt.issuer', 'jwt');
    if (api.jwt.audience.length > 0) refuse('api.jwt.audience', 'jwt');
    if (api.jwt.scopes.length > 0) refuse('api.jwt.scopes', 'jwt');
  }
  if (api.authorization !== 'none') {
    if (api.vpcEndpointId !== undefined) refuse('api.vpcEndpointId', 'none');
    if (api.clients.length > 0) refuse('api.clients', 'none');
  } else if (api.domain.name !== undefined || api.domain.certificateArn !== undefined) {
    problems.refuse('api.domain.name', 'cannot be had with api.authorization none: the endpoint is private');
  }
}

function domainOf({ domain }: ApiSettings, problems: Problems): ApiConfig['domain'] {
  const { name, certificateArn } = domain;
  if (name === undefined && certificateArn === undefined) return undefined;
  if (certificateArn === undefined) {
    problems.refuse('api.domain.certificateArn', 'is missing beside api.domain.name');
  }
  if (name === undefined) problems.refuse('api.domain.name', 'is missing beside api.domain.certificateArn');
  return { name: name ?? '', certificateArn: certificateArn ?? '' };
}
