import { CustomResource, Duration, Stack } from 'aws-cdk-lib';
import type { Cluster } from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import { DRAIN_ENV } from '#shared/names.ts';
import type { DrainSettings } from '../lambda/config.ts';
import { allow, arnOf } from './allow.ts';
import { NodeFunction } from './node-function.ts';
import type { SecretAccess } from './secret-access.ts';

export interface UninstallProps {
  readonly cluster: Cluster;
  readonly secrets: SecretAccess;
  /** The Lambdas that start replicators. */
  readonly starters: readonly NodeFunction[];
  /** What replicators need until they have drained: network, roles, log, and whatever else is not the starters'. */
  readonly needed: readonly Construct[];
  readonly logLevel: string;
  readonly logRetentionDays: number;
}

/** The most that Lambda allows; a replicator takes two minutes at most, hundreds of task definitions some more. */
const TIMEOUT = Duration.minutes(15);

/** Empties the stack when it is deleted: without it the cluster, whose tasks no stack knows, could not be deleted, and
 *  secrets and task definitions that were made at run time would stay for ever.
 *
 *  The resource depends on all that replicators need and on whoever starts them, so CloudFormation deletes it first and
 *  waits for it. The starters are stopped by a concurrency of 0 and not by deleting their triggers before: what is under
 *  way then is known to end, and no order among the other resources matters. */
export class Uninstall extends Construct {
  constructor(scope: Construct, id: string, props: UninstallProps) {
    super(scope, id);
    const drain = new NodeFunction(this, 'Drain', {
      name: 'drain',
      description: 'Stops all replicators and removes what was made at run time, when the stack is deleted',
      timeout: TIMEOUT,
      environment: this.#environment(props),
      logRetentionDays: props.logRetentionDays,
    });
    this.#allow(drain, props);
    const resource = new CustomResource(this, 'OnDelete', {
      resourceType: 'Custom::MilvusCdcDrain',
      serviceToken: drain.function.functionArn,
      // When the function cannot even answer.
      serviceTimeout: TIMEOUT.plus(Duration.minutes(2)),
    });
    resource.node.addDependency(drain, props.cluster, ...props.starters, ...props.needed);
  }

  #environment({ cluster, starters, logLevel }: UninstallProps): Readonly<Record<string, string>> {
    const stack = Stack.of(this);
    const seconds = starters.map(({ function: { timeout } }) => (timeout ?? TIMEOUT).toSeconds());
    const settings: DrainSettings = {
      cluster: cluster.clusterName,
      starters: starters.map((starter) => starter.function.functionName),
      settleSeconds: Math.max(...seconds),
    };
    return {
      [DRAIN_ENV.stack]: stack.stackName,
      [DRAIN_ENV.drain]: stack.toJsonString(settings),
      [DRAIN_ENV.logLevel]: logLevel,
    };
  }

  #allow({ role }: NodeFunction, { cluster, secrets, starters }: UninstallProps): void {
    const { stackName, stackId } = Stack.of(this);
    const inCluster = { ArnEquals: { 'ecs:cluster': cluster.clusterArn } };
    secrets.grantRemove(role);
    allow(
      role,
      {
        actions: ['lambda:PutFunctionConcurrency'],
        to: starters.map((starter) => starter.function.functionArn),
      },
      { actions: ['cloudformation:DescribeStacks'], to: [stackId] },
      { actions: ['ecs:ListTasks'], toAny: '*', why: WHY_OPEN, when: inCluster },
      {
        actions: ['ecs:StopTask', 'ecs:DescribeTasks'],
        toAny: arnOf(this, 'ecs', `task/${stackName}/*`),
        why: 'The tasks of the cluster of this stack, which have random names',
        when: inCluster,
      },
      {
        actions: [
          'ecs:ListTaskDefinitionFamilies',
          'ecs:ListTaskDefinitions',
          'ecs:DeregisterTaskDefinition',
        ],
        toAny: '*',
        why: WHY_OPEN,
      },
      {
        actions: ['ecs:DeleteTaskDefinitions'],
        toAny: arnOf(this, 'ecs', `task-definition/${stackName}-${'?'.repeat(32)}-${'?'.repeat(8)}:*`),
        why: 'The task definitions of this stack: one for each task and release, named after both',
      },
    );
  }
}

const WHY_OPEN = 'ECS takes no narrower resource for listing and deregistering';
