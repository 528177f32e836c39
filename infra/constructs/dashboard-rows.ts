import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  type IWidget,
  type Metric,
  SingleValueWidget,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import { STACK_METRICS as ALL, type Metric as Named, TASK_METRICS as ONE } from '#shared/metrics.ts';
import { type Monitored, tableMetric } from './monitored.ts';
import {
  bytesLogged,
  graph,
  heading,
  labelled,
  logTable,
  MINUTE,
  ofEachTask,
  summed,
  WIDTH,
} from './widgets.ts';

export interface DashboardProps extends Monitored {
  /** One of our metrics over all tasks. */
  readonly metric: (named: Named) => Metric;
  readonly alarms: readonly Alarm[];
}

/** The dashboard: a row for each question that an operator has, in the order in which they have them. What is of one task
 *  is searched for, so that new tasks appear by themselves. */
export function dashboardRows(props: DashboardProps): IWidget[][] {
  return [
    everything(props),
    behind(props),
    stuck(props),
    lost(props),
    controlPlane(props),
    traffic(props),
  ].flatMap(({ question, hint, widgets }) => [[heading(question, hint)], widgets]);
}

interface Row {
  readonly question: string;
  readonly hint: string;
  readonly widgets: IWidget[];
}

function everything({ metric, alarms }: DashboardProps): Row {
  const numbers = [
    ALL.tasksWanted,
    ALL.tasksRunning,
    ALL.failing,
    ALL.notPlaced,
    ALL.stalled,
    ALL.lagUnknown,
  ];
  return {
    question: 'Is everything replicated?',
    hint: 'All tasks that should run do, and nothing is failing, stalled, unknown or in quarantine.',
    widgets: [
      new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 12, height: 6 }),
      new SingleValueWidget({
        title: 'Tasks now',
        metrics: [...numbers, ALL.quarantined].map((named) => labelled(metric(named), named)),
        width: 12,
        height: 6,
      }),
    ],
  };
}

function behind({ stackName, metric }: DashboardProps): Row {
  return {
    question: 'How far behind?',
    hint: 'A gap in a lag means that nobody knew it. A high lag with a young checkpoint is catching up; with an old one it is stuck.',
    widgets: [
      graph('Largest lag', [labelled(metric(ALL.maxLag), ALL.maxLag)], 's'),
      graph('Lag by task', [ofEachTask(stackName, ONE.lag, Stats.MAXIMUM)], 's'),
      graph('Age of the checkpoint by task', [ofEachTask(stackName, ONE.checkpointAge, Stats.MAXIMUM)], 's'),
    ],
  };
}

function stuck({ stackName, metric, functions, logGroup }: DashboardProps): Row {
  const troubles = [
    ALL.stalled,
    ALL.failing,
    ALL.notPlaced,
    ALL.lagUnknown,
    ALL.quarantined,
    ALL.rolloutHalted,
  ];
  return {
    question: 'What is stuck, and why?',
    hint: `By task: ${ONE.phase.meaning} The reasons are the reconciler's, of each minute.`,
    widgets: [
      graph(
        'Tasks in trouble',
        troubles.map((named) => labelled(metric(named), named)),
      ),
      graph('Phase by task', [ofEachTask(stackName, ONE.phase, Stats.MAXIMUM)]),
      graph('Retries by task', [ofEachTask(stackName, ONE.retries, Stats.SUM)]),
      logTable('Tasks in trouble and their reasons', functions.reconcile.logGroup, [
        'fields @timestamp, failing, notPlaced, stalled, lagUnknown, quarantined',
        'filter ispresent(failing) or ispresent(notPlaced) or ispresent(stalled) or ispresent(lagUnknown) or ispresent(quarantined)',
        'sort @timestamp desc',
        'limit 20',
      ]),
      logTable('Last errors of replicators', logGroup, [
        'fields @timestamp, taskId, msg, code, reason, err.message',
        'filter level in ["error", "fatal"]',
        'sort @timestamp desc',
        'limit 20',
      ]),
    ],
  };
}

function lost({ metric, functions }: DashboardProps): Row {
  const left = metric(ALL.hoursLeft).with({ period: Duration.hours(1) });
  return {
    question: 'Is something about to be lost?',
    hint: "A task whose place the source's log has forgotten has to be created again. Paused tasks count.",
    widgets: [
      graph(
        'Hours until the log forgets what the worst task needs',
        [labelled(left, ALL.hoursLeft)],
        'h',
        12,
      ),
      logTable(
        'The worst task of each hour',
        functions.reconcile.logGroup,
        [
          `fields @timestamp, worstTask, ${ALL.hoursLeft.name}, retentionHours`,
          `filter ispresent(${ALL.hoursLeft.name})`,
          'sort @timestamp desc',
          'limit 24',
        ],
        12,
      ),
    ],
  };
}

function controlPlane({ functions, api, table, metric }: DashboardProps): Row {
  const ofFunctions = (read: (fn: (typeof functions)['cdc']) => Metric) =>
    Object.entries(functions).map(([name, fn]) => read(fn).with({ label: name, period: MINUTE }));
  const throttles = ['ReadThrottleEvents', 'WriteThrottleEvents'].map((event) => tableMetric(table, event));
  return {
    question: 'Is the control plane well?',
    hint: 'Lambdas, API and table: when they are ill replication goes on, but nothing is started, stopped or healed.',
    widgets: [
      graph('Lambda errors and failed sweeps', [
        ...ofFunctions((fn) => fn.function.metricErrors()),
        labelled(metric(ALL.sweepFailures), ALL.sweepFailures),
      ]),
      graph(
        'Lambda duration, p95',
        ofFunctions((fn) => fn.function.metricDuration({ statistic: Stats.p(95) })),
        'ms',
      ),
      graph('Throttled', [...ofFunctions((fn) => fn.function.metricThrottles()), ...throttles]),
      ...(api === undefined
        ? []
        : [
            graph(
              'API requests',
              [api.metricCount(), api.metricClientError(), api.metricServerError()].map(summed),
            ),
            graph(
              'API latency, p95',
              [api.metricLatency().with({ period: MINUTE, statistic: Stats.p(95) })],
              'ms',
            ),
          ]),
      logTable(
        'Last errors of the control plane',
        Object.values(functions).map(({ logGroup }) => logGroup),
        [
          'fields @timestamp, @log, taskId, coalesce(msg, message) as what, coalesce(err.message, error.message) as why',
          'filter level in ["error", "fatal", "ERROR", "CRITICAL"]',
          'sort @timestamp desc',
          'limit 20',
        ],
        api === undefined ? WIDTH : 8,
      ),
    ],
  };
}

function traffic({ stackName, metric, table, logGroup, functions }: DashboardProps): Row {
  const groups = [logGroup, ...Object.values(functions).map((fn) => fn.logGroup)];
  return {
    question: 'What moves, and what does it cost?',
    hint: 'Fargate is paid by running task, the table by write units, logs by byte, metrics by task.',
    widgets: [
      graph('Rows applied by task, a minute', [ofEachTask(stackName, ONE.rows, Stats.SUM)]),
      graph('Bytes applied by task, a minute', [ofEachTask(stackName, ONE.bytes, Stats.SUM)], 'bytes'),
      graph(
        'Time the target takes for a write',
        [
          ofEachTask(stackName, ONE.writeLatency, Stats.p(50), 'p50 '),
          ofEachTask(stackName, ONE.writeLatency, Stats.p(95), 'p95 '),
        ],
        'ms',
      ),
      graph('Memory by task', [ofEachTask(stackName, ONE.memory, Stats.MAXIMUM)], 'bytes'),
      graph('Replicators and table units', [
        labelled(metric(ALL.tasksRunning), ALL.tasksRunning),
        ...['ConsumedReadCapacityUnits', 'ConsumedWriteCapacityUnits'].map((units) =>
          tableMetric(table, units),
        ),
      ]),
      graph('Bytes logged, an hour', groups.map(bytesLogged), 'bytes'),
    ],
  };
}
