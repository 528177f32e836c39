import type { Problems } from './problems.ts';
import { list, matching, oneOf, type Values } from './setting.ts';

const vpcId = matching(/^vpc-[0-9a-f]{8,17}$/, 'must be an id like vpc-0123456789abcdef0');
const subnetId = matching(/^subnet-[0-9a-f]{8,17}$/, 'must be ids like subnet-0123456789abcdef0');
const routeTableId = matching(/^rtb-[0-9a-f]{8,17}$/, 'must be ids like rtb-0123456789abcdef0');
export const cidr = matching(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, 'must be a block like 10.20.0.0/16');
const PEER = /^(sg-[0-9a-f]{8,17}):(\d{1,5})(?:-(\d{1,5}))?$/;
const peer = matching(PEER, 'must be security groups with ports, like sg-0123456789abcdef0:9092');

const EGRESS = ['existing', 'nat', 'endpoints', 'public-ip'] as const;

export const NETWORK_SETTINGS = {
  vpcId: {
    schema: vpcId.optional(),
    type: 'id',
    meaning: 'The VPC that replicators run in: the one of the source, as a rule',
    otherwise: 'a new VPC',
    example: 'vpc-0123456789abcdef0',
  },
  subnetIds: {
    schema: list(subnetId),
    type: 'list of ids',
    meaning:
      'Subnets of `network.vpcId` that replicators run in; two or more, in different zones, outlive a zone',
    otherwise: 'those of the new VPC',
    example: 'subnet-0aaaaaaaaaaaaaaaa,subnet-0bbbbbbbbbbbbbbbb',
  },
  egress: {
    schema: oneOf(EGRESS).default('existing'),
    type: EGRESS.join(', '),
    meaning:
      'How replicators reach AWS and the target. `existing`: the subnets have a way out already. `nat`: a new VPC with a NAT gateway. `endpoints`: VPC endpoints for AWS and nothing else, so the target must be reachable privately. `public-ip`: public subnets, each replicator has a public address',
    example: 'nat',
  },
  routeTableIds: {
    schema: list(routeTableId),
    type: 'list of ids',
    meaning:
      'Route tables of `network.subnetIds`, which get endpoints of S3 and DynamoDB; they cost nothing. Required with `endpoints`; one that has them already must not be named',
    example: 'rtb-0123456789abcdef0',
  },
  cidr: {
    schema: cidr.default('10.20.0.0/16'),
    type: 'IPv4 block',
    meaning: 'Addresses of the new VPC; they must not overlap with those of networks that it is peered with',
    example: '10.64.0.0/20',
  },
  peerSecurityGroups: {
    schema: list(peer),
    type: 'list of group:port or group:from-to',
    meaning:
      'Security groups that let replicators in at these ports: those of etcd, Kafka and Milvus. An ingress rule is added to each',
    example: 'sg-0aaaaaaaaaaaaaaaa:2379,sg-0bbbbbbbbbbbbbbbb:9092-9096',
  },
} as const;

export type Egress = (typeof EGRESS)[number];

/** Where replicators run, and how they get out. */
export interface NetworkConfig {
  readonly vpc:
    | { readonly kind: 'new'; readonly cidr: string }
    | {
        readonly kind: 'existing';
        readonly vpcId: string;
        readonly subnetIds: readonly string[];
        readonly routeTableIds: readonly string[];
      };
  readonly egress: Egress;
  readonly peers: readonly Peer[];
}

/** A security group that lets replicators in. */
export interface Peer {
  readonly securityGroupId: string;
  readonly fromPort: number;
  readonly toPort: number;
}

/** Tells `problems` what does not go together; the answer is of use only when there are none. */
export function networkOf(network: Values<typeof NETWORK_SETTINGS>, problems: Problems): NetworkConfig {
  const { vpcId, egress } = network;
  checkCidr(network.cidr, problems);
  const peers = network.peerSecurityGroups.map((given) => peerOf(given, problems));
  if (vpcId === undefined) {
    refuseWithoutVpc(network, problems);
    return { vpc: { kind: 'new', cidr: network.cidr }, egress, peers };
  }
  if (egress === 'nat') {
    problems.refuse(
      'network.egress',
      'nat makes a VPC of its own: take network.vpcId out, or use existing where that VPC has a way out',
    );
  }
  if (network.subnetIds.length === 0) {
    problems.refuse('network.subnetIds', 'is missing: name the subnets of network.vpcId to run in');
  }
  if (egress === 'endpoints' && network.routeTableIds.length === 0) {
    problems.refuse(
      'network.routeTableIds',
      'is missing: name the route tables of network.subnetIds, so that S3 and DynamoDB are reached by endpoint',
    );
  }
  const { subnetIds, routeTableIds } = network;
  return { vpc: { kind: 'existing', vpcId, subnetIds, routeTableIds }, egress, peers };
}

function refuseWithoutVpc(network: Values<typeof NETWORK_SETTINGS>, problems: Problems): void {
  if (network.egress === 'existing') {
    problems.refuse(
      'network.vpcId',
      'is missing: name the VPC to run in, or let the stack make one with network.egress nat, endpoints or public-ip',
    );
  }
  for (const name of ['subnetIds', 'routeTableIds'] as const) {
    if (network[name].length > 0) problems.refuse(`network.${name}`, 'needs network.vpcId beside it');
  }
}

function peerOf(given: string, problems: Problems): Peer {
  const [, securityGroupId = '', from = '', to = from] = PEER.exec(given) ?? [];
  const [fromPort, toPort] = [Number(from), Number(to)];
  if (fromPort < 1 || toPort > 65_535 || fromPort > toPort) {
    problems.refuse('network.peerSecurityGroups', `must have ports from 1 to 65535: ${given}`);
  }
  return { securityGroupId, fromPort, toPort };
}

/** The sizes that AWS takes for a VPC, with room for its subnets. */
function checkCidr(block: string, problems: Problems): void {
  const [address = '', bits = ''] = block.split('/');
  const valid = address.split('.').every((part) => Number(part) <= 255);
  if (!valid || Number(bits) < 16 || Number(bits) > 26) {
    problems.refuse('network.cidr', 'must be an IPv4 block between /16 and /26');
  }
}
