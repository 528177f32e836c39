import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { TaskTable } from './constructs/task-table.ts';

/** The service on AWS: wiring only, one construct per capability. */
export class CdcStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const tasks = new TaskTable(this, 'Tasks');
    new CfnOutput(this, 'TaskTableName', { value: tasks.table.tableName });
  }
}
