import { Stack, Validations } from 'aws-cdk-lib';
import { Cluster, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { TAGS } from '#shared/names.ts';
import type { FleetSettings } from '../lambda/config.ts';
import { allow, arnOf } from './allow.ts';
import { BaseTaskDefinition, type BaseTaskDefinitionProps } from './base-task-definition.ts';
import type { Network } from './network.ts';

export interface ReplicatorFleetProps extends BaseTaskDefinitionProps {
  readonly network: Network;
  readonly containerInsights: boolean;
  /** True: without capacity providers, which an emulated account refuses. */
  readonly emulation: boolean;
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
    const { network, replicator, containerInsights, emulation } = props;
    this.cluster = new Cluster(this, 'Cluster', {
      clusterName: Stack.of(this).stackName,
      vpc: network.vpc,
      containerInsightsV2: containerInsights ? ContainerInsights.ENABLED : ContainerInsights.DISABLED,
      // On demand needs no capacity provider.
      enableFargateCapacityProviders: replicator.spot && !emulation,
    });
    if (!containerInsights) {
      Validations.of(this.cluster).acknowledge({
        id: 'AwsSolutions-ECS4',
        reason:
          "Off by default for its price: replicators report their own metrics, the setting turns on CloudWatch's",
      });
    }
    this.#base = new BaseTaskDefinition(this, 'Base', props);
    this.logGroup = this.#base.logGroup;
    this.settings = {
      cluster: this.cluster.clusterName,
      baseTaskDefinition: this.#base.definition.taskDefinitionArn,
      subnets: [...network.subnetIds],
      securityGroups: [network.securityGroup.securityGroupId],
      assignPublicIp: network.assignPublicIp,
      spot: replicator.spot,
      logGroup: this.logGroup.logGroupName,
    };
  }

  /** To register copies of the base task definition, to run and stop them in this cluster, to remove them. */
  grantControl(role: Role): void {
    const { stackName } = Stack.of(this);
    const inCluster = { ArnEquals: { 'ecs:cluster': this.cluster.clusterArn } };
    const copies = {
      // `<stack>-<incarnation>-<release>`, each of its length: no other stack's, whatever its name begins with.
      toAny: arnOf(this, 'ecs', `task-definition/${stackName}-${'?'.repeat(32)}-${'?'.repeat(8)}:*`),
      why: 'The task definitions of this stack: one for each task and release, named after both',
    };
    const tasks = {
      toAny: arnOf(this, 'ecs', `task/${stackName}/*`),
      why: 'The tasks of the cluster of this stack, which have random names',
    };
    const onCreate = {
      StringEquals: { 'ecs:CreateAction': ['RegisterTaskDefinition', 'RunTask'] },
    };
    allow(
      role,
      { actions: ['ecs:RunTask'], ...copies, when: inCluster },
      { actions: ['ecs:StopTask', 'ecs:DescribeTasks'], ...tasks, when: inCluster },
      { actions: ['ecs:ListTasks'], toAny: '*', why: WHY_OPEN, when: inCluster },
      {
        actions: ['ecs:RegisterTaskDefinition'],
        toAny: '*',
        why: WHY_OPEN,
        when: { StringEquals: { [`aws:RequestTag/${TAGS.stack}`]: stackName } },
      },
      {
        actions: [
          'ecs:DescribeTaskDefinition',
          'ecs:ListTaskDefinitionFamilies',
          'ecs:ListTaskDefinitions',
          'ecs:DeregisterTaskDefinition',
        ],
        toAny: '*',
        why: WHY_OPEN,
      },
      { actions: ['ecs:DeleteTaskDefinitions'], ...copies },
      { actions: ['ecs:TagResource'], ...copies, when: onCreate },
      { actions: ['ecs:TagResource'], ...tasks, when: onCreate },
      {
        actions: ['iam:PassRole'],
        to: [this.#base.executionRole.roleArn, this.#base.taskRole.roleArn],
        when: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      },
    );
  }
}

const WHY_OPEN = 'ECS takes no narrower resource for listing, registering, describing and deregistering';
