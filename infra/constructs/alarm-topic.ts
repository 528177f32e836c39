import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import type { StackConfig } from '../config.ts';
import { arnOf } from './allow.ts';

/** Where alarms are sent: a topic of the operator's, or one of ours with a mailbox behind it. */
export function alarmTopic(scope: Construct, { topicArn, email }: StackConfig['alarms']): ITopic | undefined {
  if (topicArn !== undefined) return Topic.fromTopicArn(scope, 'AlarmTopic', topicArn);
  if (email === undefined) return undefined;
  const topic = new Topic(scope, 'AlarmTopic', {
    displayName: `Alarms of ${Stack.of(scope).stackName}`,
    enforceSSL: true,
  });
  topic.addSubscription(new EmailSubscription(email));
  // A policy of one's own takes the place of the one by which CloudWatch may publish.
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        ArnLike: { 'aws:SourceArn': arnOf(scope, 'cloudwatch', `alarm:${Stack.of(scope).stackName}-*`) },
        StringEquals: { 'aws:SourceAccount': Stack.of(scope).account },
      },
    }),
  );
  return topic;
}
