import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** Where a gateway writes who called. Under `/aws/vendedlogs/`, because only there the service's own log policy does not
 *  grow with each log group, up to a limit. */
export function accessLog(scope: Construct, retentionDays: number): LogGroup {
  return new LogGroup(scope, 'AccessLog', {
    logGroupName: `/aws/vendedlogs/${Stack.of(scope).stackName}/api`,
    retention: retentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/** One JSON object per request: never its query or body, which hold credentials. `more` adds what only one kind of
 *  gateway knows. */
export function accessLogFormat(more: Readonly<Record<string, string>>): AccessLogFormat {
  return AccessLogFormat.custom(
    JSON.stringify({
      time: '$context.requestTime',
      requestId: '$context.requestId',
      ip: '$context.identity.sourceIp',
      method: '$context.httpMethod',
      path: '$context.path',
      status: '$context.status',
      responseLength: '$context.responseLength',
      latencyMs: '$context.responseLatency',
      error: '$context.error.message',
      integrationError: '$context.integrationErrorMessage',
      ...more,
    }),
  );
}
