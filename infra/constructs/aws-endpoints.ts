import { Stack } from 'aws-cdk-lib';
import {
  CfnVPCEndpoint,
  InterfaceVpcEndpoint,
  InterfaceVpcEndpointAwsService,
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
  Port,
  SecurityGroup,
} from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';

export interface AwsEndpointsProps {
  readonly vpc: IVpc;
  readonly subnets: ISubnet[];
  /** Of the subnets. */
  readonly routeTableIds: readonly string[];
  /** Who may connect. */
  readonly client: ISecurityGroup;
}

/** The services that a replicator's task needs: its image (ECR, whose layers are in S3), its log, its secrets, its
 *  state. Those of S3 and DynamoDB cost nothing. */
export class AwsEndpoints extends Construct {
  constructor(scope: Construct, id: string, { vpc, subnets, routeTableIds, client }: AwsEndpointsProps) {
    super(scope, id);
    for (const service of ['s3', 'dynamodb']) {
      new CfnVPCEndpoint(this, service, {
        vpcId: vpc.vpcId,
        serviceName: `com.amazonaws.${Stack.of(this).region}.${service}`,
        vpcEndpointType: 'Gateway',
        routeTableIds: [...routeTableIds],
      });
    }
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: `Endpoints of ${Stack.of(this).stackName}: let replicators in`,
      allowAllOutbound: false,
    });
    securityGroup.connections.allowFrom(client, Port.tcp(443));
    for (const [name, service] of Object.entries(INTERFACES)) {
      new InterfaceVpcEndpoint(this, name, {
        vpc,
        service,
        subnets: { subnets },
        securityGroups: [securityGroup],
        open: false,
      });
    }
  }
}

const INTERFACES = {
  EcrApi: InterfaceVpcEndpointAwsService.ECR,
  EcrDocker: InterfaceVpcEndpointAwsService.ECR_DOCKER,
  Logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
  Secrets: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
} as const;
