import { Stack } from 'aws-cdk-lib';
import { Cluster, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { TAGS } from '#shared/names.ts';
import type { FleetSettings } from '../lambda/config.ts';
import { BaseTaskDefinition, type BaseTaskDefinitionProps } from './base-task-definition.ts';
import type { Network } from './network.ts';

export interface ReplicatorFleetProps extends BaseTaskDefinitionProps {
  readonly network: Network;
  readonly containerInsights: boolean;
}

/** Where replicators run: an ECS cluster on Fargate, and what they have in common. Nothing runs in it until the control
 *  plane starts something. */
export class ReplicatorFleet extends Construct {
  readonly cluster: Cluster;
  readonly logGroup: LogGroup;
  /** For the control plane's environment. */
  readonly settings: FleetSettings;
  readonly #base: BaseTaskDefinition;

  constructor(scope: Construct, id: string, props: ReplicatorFleetProps) {
    super(scope, id);
    const { network, replicator, containerInsights } = props;
    this.cluster = new Cluster(this, 'Cluster', {
      clusterName: Stack.of(this).stackName,
      vpc: network.vpc,
      containerInsightsV2: containerInsights ? ContainerInsights.ENABLED : ContainerInsights.DISABLED,
      // On demand needs no capacity provider.
      enableFargateCapacityProviders: replicator.spot,
    });
    this.#base = new BaseTaskDefinition(this, 'Base', props);
    this.logGroup = this.#base.logGroup;
    this.settings = {
      cluster: this.cluster.clusterName,
      baseTaskDefinition: this.#base.definition.taskDefinitionArn,
      subnets: [...network.subnetIds],
      securityGroups: [network.securityGroup.securityGroupId],
      assignPublicIp: network.assignPublicIp,
      spot: replicator.spot,
    };
  }

  /** To register copies of the base task definition, to run and stop them in this cluster, to remove them. */
  grantControl(role: IRole): void {
    const { stackName } = Stack.of(this);
    const inCluster = { ArnEquals: { 'ecs:cluster': this.cluster.clusterArn } };
    add(role, ['ecs:RunTask'], [this.#copies()], inCluster);
    add(role, ['ecs:StopTask', 'ecs:DescribeTasks'], [this.#tasks()], inCluster);
    // None of these takes a narrower resource.
    add(role, ['ecs:ListTasks'], ['*'], inCluster);
    add(role, ['ecs:RegisterTaskDefinition'], ['*'], {
      StringEquals: { [`aws:RequestTag/${TAGS.stack}`]: stackName },
    });
    add(
      role,
      ['ecs:DescribeTaskDefinition', 'ecs:ListTaskDefinitions', 'ecs:DeregisterTaskDefinition'],
      ['*'],
    );
    add(role, ['ecs:DeleteTaskDefinitions'], [this.#copies()]);
    add(role, ['ecs:TagResource'], [this.#copies(), this.#tasks()], {
      StringEquals: { 'ecs:CreateAction': ['RegisterTaskDefinition', 'RunTask'] },
    });
    add(role, ['iam:PassRole'], [this.#base.executionRole.roleArn, this.#base.taskRole.roleArn], {
      StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
    });
  }

  /** `<stack>-<incarnation>-<release>`, each of its length: no other stack's, whatever its name begins with. */
  #copies(): string {
    const family = [Stack.of(this).stackName, '?'.repeat(32), '?'.repeat(8)].join('-');
    return this.#arn(`task-definition/${family}:*`);
  }

  #tasks(): string {
    return this.#arn(`task/${this.cluster.clusterName}/*`);
  }

  #arn(resource: string): string {
    const { partition, region, account } = Stack.of(this);
    return `arn:${partition}:ecs:${region}:${account}:${resource}`;
  }
}

function add(role: IRole, actions: string[], resources: string[], conditions?: object): void {
  role.addToPrincipalPolicy(
    new PolicyStatement({ actions, resources, ...(conditions && { conditions: { ...conditions } }) }),
  );
}
