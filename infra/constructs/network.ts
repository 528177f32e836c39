import { Annotations, RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  CfnSecurityGroupIngress,
  FlowLogDestination,
  FlowLogTrafficType,
  IpAddresses,
  type ISubnet,
  type IVpc,
  SecurityGroup,
  Subnet,
  type SubnetConfiguration,
  type SubnetSelection,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Egress, NetworkConfig } from '../config/network.ts';
import { GatewayEndpoints, InterfaceEndpoints } from './aws-endpoints.ts';
import type { Placement } from './node-function.ts';

export interface NetworkProps extends NetworkConfig {
  readonly logRetentionDays: number;
  /** True: without what an emulated account refuses (NAT gateways, flow logs). */
  readonly emulation: boolean;
}

/** Where replicators run, and how they get out. Nobody gets in: the security group has no rule for that. */
export class Network extends Construct implements Placement {
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  readonly subnetIds: readonly string[];
  readonly securityGroup: SecurityGroup;
  readonly assignPublicIp: boolean;

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    const { vpc, subnets, routeTableIds } =
      props.vpc.kind === 'new' ? this.#newVpc(props, props.vpc.cidr) : this.#existingVpc(props.vpc);
    this.vpc = vpc;
    this.subnets = { subnets };
    this.subnetIds = subnets.map(({ subnetId }) => subnetId);
    this.assignPublicIp = props.egress === 'public-ip';
    this.securityGroup = new SecurityGroup(this, 'Replicators', {
      vpc,
      description: `Replicators of ${Stack.of(this).stackName}: lets nobody in`,
      // Addresses of source and target are data: tasks come and go, and with them ports.
      allowAllOutbound: true,
    });
    if (routeTableIds.length > 0) new GatewayEndpoints(this, 'Gateways', { vpc, routeTableIds });
    if (props.egress === 'endpoints') {
      new InterfaceEndpoints(this, 'Endpoints', { vpc, subnets, client: this.securityGroup });
    }
    for (const { securityGroupId, fromPort, toPort } of props.peers) {
      new CfnSecurityGroupIngress(this, `Peer-${securityGroupId}-${fromPort}-${toPort}`, {
        groupId: securityGroupId,
        sourceSecurityGroupId: this.securityGroup.securityGroupId,
        ipProtocol: 'tcp',
        fromPort,
        toPort,
        description: `replicators of ${Stack.of(this).stackName}`,
      });
    }
  }

  #newVpc({ egress, logRetentionDays, emulation }: NetworkProps, cidr: string): Chosen {
    const made = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(cidr),
      maxAzs: 2,
      natGateways: egress === 'nat' && !emulation ? 1 : 0,
      subnetConfiguration: SUBNETS[emulation && egress === 'nat' ? 'endpoints' : egress],
      // Would be a Lambda more, with rights on every security group.
      restrictDefaultSecurityGroup: false,
    });
    if (!emulation) {
      const logGroup = new LogGroup(this, 'RejectedLog', {
        logGroupName: `${Stack.of(this).stackName}/rejected`,
        retention: logRetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
      });
      // What was refused is what is looked for when a server cannot be reached; all traffic would cost per row.
      made.addFlowLog('Rejected', {
        destination: FlowLogDestination.toCloudWatchLogs(logGroup),
        trafficType: FlowLogTrafficType.REJECT,
      });
    }
    const hidden = [...made.privateSubnets, ...made.isolatedSubnets];
    const chosen = hidden.length > 0 ? hidden : made.publicSubnets;
    // Its optional members are declared otherwise than `IVpc` has them.
    const vpc = made as IVpc;
    return { vpc, subnets: chosen, routeTableIds: chosen.map(({ routeTable }) => routeTable.routeTableId) };
  }

  #existingVpc(given: Extract<NetworkConfig['vpc'], { kind: 'existing' }>): Chosen {
    const { vpcId, subnetIds, routeTableIds } = given;
    // Zones are asked for and play no part: subnets are always named. So synth needs no account.
    const vpc = Vpc.fromVpcAttributes(this, 'Vpc', { vpcId, availabilityZones: ['any'] });
    const subnets = subnetIds.map((subnetId) => Subnet.fromSubnetId(this, subnetId, subnetId));
    // Their route tables are named beside them, where they are needed.
    Annotations.of(this).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId');
    return { vpc, subnets, routeTableIds };
  }
}

interface Chosen {
  readonly vpc: IVpc;
  readonly subnets: ISubnet[];
  readonly routeTableIds: readonly string[];
}

const SUBNETS: Readonly<Record<Egress, SubnetConfiguration[]>> = {
  existing: [],
  nat: [
    { name: 'Public', subnetType: SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false },
    { name: 'Replicators', subnetType: SubnetType.PRIVATE_WITH_EGRESS },
  ],
  endpoints: [{ name: 'Replicators', subnetType: SubnetType.PRIVATE_ISOLATED }],
  'public-ip': [{ name: 'Replicators', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false }],
};
