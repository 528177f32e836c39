import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { RestApi } from 'aws-cdk-lib/aws-apigateway';
import { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { CODES } from '#shared/errors.ts';
import { METRICS_NAMESPACE, STACK_METRICS, TASK_METRICS } from '#shared/metrics.ts';
import { DEFAULT_THRESHOLDS, taskAlarms } from '../../../../infra/constructs/alarms.ts';
import { Monitoring, type MonitoringProps } from '../../../../infra/constructs/monitoring.ts';

const RUNBOOK = readFileSync(
  join(import.meta.dirname, '..', '..', '..', '..', 'infra', 'RUNBOOK.md'),
  'utf8',
);

interface MetricOfAlarm {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
}

/** As CloudFormation takes it. */
interface AlarmOf extends Partial<MetricOfAlarm> {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly AlarmActions?: readonly unknown[];
  readonly OKActions?: readonly unknown[];
  readonly TreatMissingData: string;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm: number;
  readonly Period?: number;
  readonly Threshold: number;
  readonly Metrics?: readonly {
    readonly MetricStat?: { readonly Metric: MetricOfAlarm; readonly Period: number };
  }[];
}

function synthesize(
  props: Partial<MonitoringProps> = {},
  prepare?: (stack: Stack) => Partial<MonitoringProps>,
) {
  const stack = new Stack(new App(), 'S', { stackName: 'cdc-prod' });
  const monitored = (id: string) => ({
    function: new LambdaFunction(stack, id, {
      runtime: Runtime.NODEJS_24_X,
      handler: 'h',
      code: Code.fromInline('x'),
    }),
    logGroup: new LogGroup(stack, `${id}Log`),
  });
  new Monitoring(stack, 'Monitoring', {
    stackName: 'cdc-prod',
    functions: { cdc: monitored('Cdc'), reconcile: monitored('Reconcile'), probe: monitored('Probe') },
    api: new HttpApi(stack, 'Api'),
    table: { tableName: 'cdc-prod-tasks' },
    logGroup: new LogGroup(stack, 'Replicators'),
    ...props,
    ...prepare?.(stack),
  });
  return Template.fromStack(stack);
}

const alarmsOf = (template: Template): AlarmOf[] =>
  Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
    ({ Properties }) => Properties as AlarmOf,
  );

const metricsOf = (alarm: AlarmOf): MetricOfAlarm[] =>
  alarm.Metrics === undefined
    ? [alarm as MetricOfAlarm]
    : alarm.Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []);

const ALL = alarmsOf(synthesize());
const OURS = ALL.filter((alarm) => metricsOf(alarm).some(({ Namespace }) => Namespace === METRICS_NAMESPACE));
const slugOf = ({ AlarmName }: AlarmOf): string => AlarmName.replace(/^cdc-prod-(critical|warning)-/, '');

describe('alarms about tasks', () => {
  test('are made on numbers over all tasks, never on one task', () => {
    expect(OURS).toHaveLength(taskAlarms(DEFAULT_THRESHOLDS).length);
    const names = new Set<string>(Object.values(STACK_METRICS).map(({ name }) => name));
    for (const { MetricName, Dimensions } of OURS.flatMap(metricsOf)) {
      expect(Dimensions).toEqual([{ Name: 'Stack', Value: 'cdc-prod' }]);
      expect(names).toContain(MetricName);
    }
  });

  test('watch every number that can tell of trouble', () => {
    const watched = OURS.flatMap(metricsOf).map(({ MetricName }) => MetricName);
    expect(watched.toSorted()).toEqual(
      Object.values(STACK_METRICS)
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  test('take a number that is not told for a bad one', () => {
    expect(new Set(OURS.map((alarm) => alarm.TreatMissingData))).toEqual(new Set(['breaching']));
  });

  test('look back no longer than CloudWatch allows', () => {
    for (const alarm of ALL) {
      const period =
        alarm.Period ?? Math.max(...alarm.Metrics!.map(({ MetricStat }) => MetricStat?.Period ?? 0));
      expect(alarm.EvaluationPeriods * period).toBeLessThanOrEqual(86_400);
      expect(alarm.DatapointsToAlarm).toBeLessThanOrEqual(alarm.EvaluationPeriods);
    }
  });

  test('ring at what an operator sets', () => {
    const thresholds = { lagSeconds: 60, hoursLeft: 6, settlingMinutes: 30, notPlacedMinutes: 2 };
    const tuned = new Map(alarmsOf(synthesize({ thresholds })).map((alarm) => [slugOf(alarm), alarm]));
    expect(tuned.get('lag-high')).toMatchObject({ Threshold: 60 });
    expect(tuned.get('log-expires')).toMatchObject({ Threshold: 6, Period: 3_600 });
    expect(tuned.get('lag-unknown')).toMatchObject({ EvaluationPeriods: 30, DatapointsToAlarm: 30 });
    expect(tuned.get('tasks-not-placed')).toMatchObject({ EvaluationPeriods: 2 });
    expect(tuned.get('lag-high')?.AlarmDescription).toContain('60 seconds');
  });
});

test('alarms about services are silent without traffic', () => {
  const services = ALL.filter((alarm) => !OURS.includes(alarm));
  expect(services.map(slugOf).toSorted()).toEqual([
    'api-errors',
    'cdc-errors',
    'lambda-throttles',
    'probe-errors',
    'reconcile-errors',
    'table-throttles',
  ]);
  expect(new Set(services.map((alarm) => alarm.TreatMissingData))).toEqual(new Set(['notBreaching']));
});

test('an alarm is named after stack, severity and section, so that two stacks do not collide', () => {
  for (const { AlarmName, AlarmDescription } of ALL) {
    expect(AlarmName).toMatch(/^cdc-prod-(critical|warning)-[a-z-]+$/);
    expect(AlarmDescription).toMatch(/^(CRITICAL|WARNING): [A-Z].*\. infra\/RUNBOOK\.md#[a-z-]+$/);
    expect(AlarmDescription.length).toBeLessThanOrEqual(1_024);
  }
  expect(new Set(ALL.map(({ AlarmName }) => AlarmName)).size).toBe(ALL.length);
});

test('alarms tell a topic when they ring and when it is over, if there is one', () => {
  const told = alarmsOf(synthesize({}, (stack) => ({ alarmTopic: new Topic(stack, 'Topic') })));
  for (const alarm of told)
    expect([alarm.AlarmActions, alarm.OKActions]).toEqual([[expect.anything()], [expect.anything()]]);
  for (const alarm of ALL) expect(alarm).not.toHaveProperty('AlarmActions');
});

test('a private API is watched too, and a stack may have none', () => {
  const watching = (template: Template) =>
    alarmsOf(template).flatMap((alarm) => (slugOf(alarm) === 'api-errors' ? metricsOf(alarm) : []));
  const rest = synthesize({}, (stack) => {
    const api = new RestApi(stack, 'Rest');
    api.root.addMethod('ANY');
    return { api };
  });
  expect(watching(rest)).toMatchObject([{ Namespace: 'AWS/ApiGateway', MetricName: '5XXError' }]);
  expect(watching(synthesize())).toMatchObject([{ Namespace: 'AWS/ApiGateway', MetricName: '5xx' }]);
  expect(watching(synthesize({ api: undefined }))).toEqual([]);
});

describe('the dashboard', () => {
  const template = synthesize();
  const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
  const body = JSON.stringify(dashboard?.['Properties']);

  test('has the name of the stack and a row for each question', () => {
    template.hasResourceProperties('AWS::CloudWatch::Dashboard', {
      DashboardName: 'cdc-prod',
      DashboardBody: Match.anyValue(),
    });
    const questions = [...body.matchAll(/## ([^\\]+\?)/g)].map(([, question]) => question);
    expect(questions).toEqual([
      'Is everything replicated?',
      'How far behind?',
      'What is stuck, and why?',
      'Is something about to be lost?',
      'Is the control plane well?',
      'What moves, and what does it cost?',
    ]);
  });

  test('searches for every metric of a task, so that new tasks appear by themselves', () => {
    const searched = [
      ...body.matchAll(/SEARCH\('\{([\w,]+)\} Stack=\W+cdc-prod\W+ MetricName=\W+(\w+)\W+',/g),
    ];
    expect(new Set(searched.map(([, space]) => space))).toEqual(new Set(['MilvusCdc,Stack,Task']));
    expect([...new Set(searched.map(([, , name]) => name))].toSorted()).toEqual(
      Object.values(TASK_METRICS)
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  test('names no metric that is not told', () => {
    const names = new Set<string>(
      [...Object.values(STACK_METRICS), ...Object.values(TASK_METRICS)].map(({ name }) => name),
    );
    const used = [...body.matchAll(/MilvusCdc\W+,\W+(\w+)\W+,\W+Stack\W/g)].map(([, name]) => name!);
    expect(used.length).toBeGreaterThan(8);
    for (const name of used) expect(names).toContain(name);
  });

  test('shows the last errors and every alarm', () => {
    expect(body.match(/"type\\":\\"log\\"/g)?.length).toBeGreaterThanOrEqual(4);
    expect(body.match(/"type\\":\\"alarm\\"/g)).toHaveLength(1);
  });
});

describe('the runbook', () => {
  const sections = new Map(
    RUNBOOK.split(/^### /m)
      .slice(1)
      .map((section) => [section.split('\n', 1)[0] ?? '', section.split(/^## /m, 1)[0] ?? '']),
  );

  test('has a section for each alarm, and for nothing else', () => {
    expect([...sections.keys()].toSorted()).toEqual(ALL.map(slugOf).toSorted());
  });

  test.each([...sections])('says of %s what it means, how to look and how to fix it', (_, section) => {
    for (const part of ['**Means.** ', '**Look.** ', '**Fix.** ']) expect(section).toContain(part);
  });

  test('has a row for every code, and for no other', () => {
    const table = RUNBOOK.split(/^## Codes$/m)[1]?.split(/^## /m)[0] ?? '';
    const rows = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, code]) => code);
    expect(rows.toSorted()).toEqual(Object.keys(CODES).toSorted());
  });

  test('explains every metric, and no other', () => {
    const tables = RUNBOOK.split(/^## Metrics$/m)[1] ?? '';
    const rows = [...tables.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    const names = [...Object.values(TASK_METRICS), ...Object.values(STACK_METRICS)].map(({ name }) => name);
    expect(rows).toEqual(names);
  });

  test('links to no section that is not there', () => {
    const headings = [...RUNBOOK.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = [...RUNBOOK.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
    expect(links.length).toBeGreaterThan(20);
    for (const anchor of links) expect(headings).toContain(anchor);
  });
});
