import { Duration } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';

/** A Lambda and where it logs to. */
export interface MonitoredFunction {
  readonly function: IFunction;
  readonly logGroup: ILogGroup;
}

/** Both kinds of gateway API tell these. */
export interface MonitoredApi {
  metricCount(): Metric;
  metricClientError(): Metric;
  metricServerError(): Metric;
  metricLatency(): Metric;
}

/** What is looked at. */
export interface Monitored {
  /** The dimension of all our metrics, and the beginning of every name. */
  readonly stackName: string;
  readonly functions: Readonly<Record<'cdc' | 'reconcile' | 'probe', MonitoredFunction>>;
  /** @default nothing of a gateway is shown or watched */
  readonly api?: MonitoredApi | undefined;
  readonly table: { readonly tableName: string };
  /** Of the replicators. */
  readonly logGroup: ILogGroup;
}

/** Of the task table; a stack may have adopted one that the CDK knows by its name only. */
export function tableMetric({ tableName }: Monitored['table'], metricName: string): Metric {
  return new Metric({
    namespace: 'AWS/DynamoDB',
    metricName,
    dimensionsMap: { TableName: tableName },
    statistic: Stats.SUM,
    period: Duration.minutes(1),
  });
}
