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

export interface GatewayEndpointsProps {
  readonly vpc: IVpc;
  readonly routeTableIds: readonly string[];
}

/** S3, where ECR keeps layers, and DynamoDB, by a route that costs nothing. */
export class GatewayEndpoints extends Construct {
  constructor(scope: Construct, id: string, { vpc, routeTableIds }: GatewayEndpointsProps) {
    super(scope, id);
    for (const service of ['s3', 'dynamodb']) {
      new CfnVPCEndpoint(this, service, {
        vpcId: vpc.vpcId,
        serviceName: `com.amazonaws.${Stack.of(this).region}.${service}`,
        vpcEndpointType: 'Gateway',
        routeTableIds: [...routeTableIds],
      });
    }
  }
}

export interface InterfaceEndpointsProps {
  readonly vpc: IVpc;
  readonly subnets: ISubnet[];
  /** Who may connect. */
  readonly client: ISecurityGroup;
}

/** What else the start of a replicator needs where there is no way to the internet: image, log, secrets. */
export class InterfaceEndpoints extends Construct {
  constructor(scope: Construct, id: string, { vpc, subnets, client }: InterfaceEndpointsProps) {
    super(scope, id);
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: `Endpoints of ${Stack.of(this).stackName}: let replicators in`,
      allowAllOutbound: false,
    });
    securityGroup.connections.allowFrom(client, Port.tcp(443));
    for (const [name, service] of Object.entries(SERVICES)) {
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

const SERVICES = {
  EcrApi: InterfaceVpcEndpointAwsService.ECR,
  EcrDocker: InterfaceVpcEndpointAwsService.ECR_DOCKER,
  Logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
  Secrets: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
} as const;
