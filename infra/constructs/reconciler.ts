import { Duration } from 'aws-cdk-lib';
import type { Cluster } from 'aws-cdk-lib/aws-ecs';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

export interface ReconcilerProps {
  readonly function: IFunction;
  readonly cluster: Cluster;
}

/** When the reconciler runs: as soon as ECS says that a replicator started or ended, and once a minute over all tasks.
 *  Events are hints: what one of them should have done, the next minute does. So there is no dead-letter queue for
 *  somebody to look after, and no reserved concurrency: two at once do no harm, every write of theirs is conditional. */
export class Reconciler extends Construct {
  constructor(scope: Construct, id: string, props: ReconcilerProps) {
    super(scope, id);
    const { function: handler, cluster } = props;
    handler.configureAsyncInvoke({ maxEventAge: Duration.minutes(5), retryAttempts: 1 });
    const delivery = { maxEventAge: Duration.minutes(5), retryAttempts: 3 };
    new Rule(this, 'StateChange', {
      description: 'A replicator started or ended',
      eventPattern: {
        source: ['aws.ecs'],
        detailType: ['ECS Task State Change'],
        detail: { clusterArn: [cluster.clusterArn], lastStatus: ['RUNNING', 'STOPPED'] },
      },
      targets: [new LambdaFunction(handler, delivery)],
    });
    for (const [kind, period] of Object.entries(PERIODS)) {
      new Rule(this, kind, {
        description: `Reconciles everything: ${kind}`,
        schedule: Schedule.rate(period),
        targets: [new LambdaFunction(handler, { ...delivery, event: RuleTargetInput.fromObject({ kind }) })],
      });
    }
  }
}

/** What the handler is told -> how often. */
const PERIODS = { minute: Duration.minutes(1), hourly: Duration.hours(1) } as const;
