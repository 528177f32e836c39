import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  ComparisonOperator,
  Dashboard,
  type IMetric,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { DIMENSION, METRICS_NAMESPACE, type Metric as Named } from '#shared/metrics.ts';
import { type AlarmSpec, DEFAULT_THRESHOLDS, type Severity, type Thresholds, taskAlarms } from './alarms.ts';
import { dashboardRows } from './dashboard-rows.ts';
import { type Monitored, tableMetric } from './monitored.ts';

export interface MonitoringProps extends Monitored {
  /** Alarms are sent there. @default they only change their state */
  readonly alarmTopic?: ITopic | undefined;
  /** @default each as {@link Thresholds} says */
  readonly thresholds?: Partial<Thresholds> | undefined;
  /** True: without alarms on what is calculated from several metrics, which an emulated account refuses. */
  readonly emulation?: boolean | undefined;
  /** Where people read the runbook. @default its path in this repository */
  readonly runbookUrl?: string | undefined;
}

const MINUTE = Duration.minutes(1);

/** What operators look at and what wakes them: one dashboard with a row per question, and alarms on numbers over all tasks,
 *  each with a section in RUNBOOK.md. */
export class Monitoring extends Construct {
  readonly dashboard: Dashboard;
  readonly #props: MonitoringProps;
  readonly #alarms: Alarm[] = [];

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    this.#props = props;
    for (const spec of taskAlarms({ ...DEFAULT_THRESHOLDS, ...props.thresholds })) this.#watchTasks(spec);
    this.#watchServices();
    this.dashboard = new Dashboard(this, 'Dashboard', {
      dashboardName: props.stackName,
      defaultInterval: Duration.hours(3),
      widgets: dashboardRows({ ...props, metric: (named) => this.metric(named), alarms: this.#alarms }),
    });
  }

  get alarms(): readonly Alarm[] {
    return this.#alarms;
  }

  /** One of our metrics over all tasks. */
  metric(named: Named, period = MINUTE): Metric {
    return new Metric({
      namespace: METRICS_NAMESPACE,
      metricName: named.name,
      dimensionsMap: { [DIMENSION.stack]: this.#props.stackName },
      statistic: Stats.MAXIMUM,
      period,
    });
  }

  #watchTasks(spec: AlarmSpec): void {
    const period = Duration.minutes(spec.periodMinutes ?? 1);
    const [first, second] = spec.metrics;
    const metric =
      second === undefined
        ? this.metric(first, period)
        : new MathExpression({
            expression: 'first - second',
            usingMetrics: { first: this.metric(first), second: this.metric(second) },
            label: spec.slug,
            period,
          });
    this.#alarm({ ...spec, metric, missing: TreatMissingData.BREACHING });
  }

  /** What AWS tells of its services: no traffic is no number there, and no fault. */
  #watchServices(): void {
    const { functions, api, table } = this.#props;
    const over = (periods: number) =>
      ({
        severity: 'warning',
        rings: { when: '>=', value: 1 },
        periods,
        missing: TreatMissingData.NOT_BREACHING,
      }) as const;
    for (const [name, { function: fn }] of Object.entries(functions)) {
      this.#alarm({
        ...over(3),
        slug: `${name}-errors`,
        summary: `The Lambda ${name} failed in 3 minutes of 5.`,
        of: 5,
        metric: fn.metricErrors({ period: MINUTE, statistic: Stats.SUM }),
      });
    }
    this.#alarm({
      ...over(5),
      slug: 'lambda-throttles',
      summary: 'AWS has refused to run our Lambdas for 5 minutes.',
      metric: sumOf(
        Object.values(functions).map(({ function: fn }) => fn.metricThrottles({ period: MINUTE })),
      ),
    });
    this.#alarm({
      ...over(5),
      slug: 'table-throttles',
      summary: 'DynamoDB has refused reads or writes of the task table for 5 minutes.',
      metric: sumOf(['ReadThrottleEvents', 'WriteThrottleEvents'].map((event) => tableMetric(table, event))),
    });
    if (api === undefined) return;
    this.#alarm({
      ...over(3),
      slug: 'api-errors',
      summary: 'The API answered with 5xx in 3 minutes of 5.',
      of: 5,
      metric: api.metricServerError().with({ period: MINUTE, statistic: Stats.SUM }),
    });
  }

  #alarm(alarm: {
    readonly slug: string;
    readonly severity: Severity;
    readonly summary: string;
    readonly metric: IMetric & { createAlarm: Metric['createAlarm'] };
    readonly rings: AlarmSpec['rings'];
    readonly periods: number;
    /** @default `periods`: all in a row */
    readonly of?: number;
    readonly missing: TreatMissingData;
  }): void {
    const { slug, severity, summary, metric, rings, periods, of = periods, missing } = alarm;
    const { stackName, alarmTopic, emulation, runbookUrl = 'infra/RUNBOOK.md' } = this.#props;
    if (emulation === true && metric instanceof MathExpression) return;
    const created = metric.createAlarm(this, slug, {
      alarmName: `${stackName}-${severity}-${slug}`,
      alarmDescription: `${severity.toUpperCase()}: ${summary} ${runbookUrl}#${slug}`,
      threshold: rings.value,
      comparisonOperator:
        rings.when === '<'
          ? ComparisonOperator.LESS_THAN_THRESHOLD
          : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: of,
      datapointsToAlarm: periods,
      treatMissingData: missing,
    });
    if (alarmTopic !== undefined) {
      const action = new SnsAction(alarmTopic);
      created.addAlarmAction(action);
      created.addOkAction(action);
    }
    this.#alarms.push(created);
  }
}

function sumOf(metrics: readonly Metric[]): MathExpression {
  const named = metrics.map((metric, i) => [`m${i}`, metric.with({ statistic: Stats.SUM })] as const);
  return new MathExpression({
    expression: named.map(([name]) => `FILL(${name}, 0)`).join(' + '),
    usingMetrics: Object.fromEntries(named),
    period: MINUTE,
  });
}
