import { Duration } from 'aws-cdk-lib';
import {
  GraphWidget,
  type IMetric,
  LegendPosition,
  LogQueryWidget,
  Metric,
  SearchExpression,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { DIMENSION, METRICS_NAMESPACE, type Metric as Named } from '#shared/metrics.ts';

/** What the rows of the dashboard are made of. */

/** Of a dashboard's grid. */
export const WIDTH = 24;
export const MINUTE = Duration.minutes(1);

export function heading(question: string, hint: string): TextWidget {
  return new TextWidget({ markdown: `## ${question}\n${hint}`, width: WIDTH, height: 2 });
}

export function graph(title: string, left: IMetric[], unit?: string, width = 8): GraphWidget {
  return new GraphWidget({
    title,
    left,
    width,
    height: 6,
    legendPosition: LegendPosition.BOTTOM,
    leftYAxis: { min: 0, showUnits: false, ...(unit === undefined ? {} : { label: unit }) },
  });
}

/** One line for each task that there is when the dashboard is looked at. */
export function ofEachTask(
  stackName: string,
  named: Named,
  statistic: string,
  prefix = '',
): SearchExpression {
  const { stack, task } = DIMENSION;
  const search = `{${METRICS_NAMESPACE},${stack},${task}} ${stack}="${stackName}" MetricName="${named.name}"`;
  return new SearchExpression({
    expression: `SEARCH('${search}', '${statistic}', ${MINUTE.toSeconds()})`,
    label: `${prefix}\${PROP('Dim.${task}')}`,
    period: MINUTE,
  });
}

export function logTable(
  title: string,
  logGroups: ILogGroup | ILogGroup[],
  queryLines: string[],
  width = 12,
): LogQueryWidget {
  const logGroupNames = [logGroups].flat().map(({ logGroupName }) => logGroupName);
  return new LogQueryWidget({ title, logGroupNames, queryLines, width, height: 6 });
}

export function labelled(metric: Metric, named: Named): Metric {
  return metric.with({ label: named.name });
}

export function summed(metric: Metric): Metric {
  return metric.with({ period: MINUTE, statistic: Stats.SUM });
}

export function bytesLogged({ logGroupName }: ILogGroup): Metric {
  return new Metric({
    namespace: 'AWS/Logs',
    metricName: 'IncomingBytes',
    dimensionsMap: { LogGroupName: logGroupName },
    statistic: Stats.SUM,
    period: Duration.hours(1),
    label: logGroupName,
  });
}
