import { Duration, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { CONTROL_PLANE_ENV } from '#shared/names.ts';
import type { ApiSettings } from '../lambda/config.ts';
import { allow } from './allow.ts';
import { grantMskRead } from './base-task-definition.ts';
import type { Network } from './network.ts';
import { NodeFunction } from './node-function.ts';
import type { ReplicatorFleet } from './replicator-fleet.ts';
import type { SecretAccess } from './secret-access.ts';
import type { TaskTable } from './task-table.ts';

export interface ControlPlaneProps {
  readonly table: TaskTable;
  readonly fleet: ReplicatorFleet;
  readonly network: Network;
  readonly secrets: SecretAccess;
  readonly api: ApiSettings;
  /** ARN of the MSK cluster that the checks log in to as replicators do. */
  readonly mskCluster?: string | undefined;
  readonly logLevel: string;
  readonly logRetentionDays: number;
}

/** The Lambdas. `cdc` answers the API and `reconcile` keeps things as they were asked for; both are outside of the VPC and
 *  do the same to tasks. `probe` is where replicators are, tries what it is told to and may do nothing else. */
export class ControlPlane extends Construct {
  readonly cdc: NodeFunction;
  readonly reconcile: NodeFunction;
  readonly probe: NodeFunction;

  constructor(scope: Construct, id: string, props: ControlPlaneProps) {
    super(scope, id);
    const { logRetentionDays, logLevel } = props;
    this.probe = new NodeFunction(this, 'Probe', {
      name: 'probe',
      description: 'Tries source and target of a new task from where its replicator will run',
      timeout: Duration.seconds(28),
      environment: { [CONTROL_PLANE_ENV.logLevel]: logLevel },
      logRetentionDays,
      placement: props.network,
    });
    if (props.mskCluster !== undefined) grantMskRead(this.probe.role, props.mskCluster);
    const environment = this.#environment(props);
    this.cdc = new NodeFunction(this, 'Cdc', {
      name: 'cdc',
      description: 'Answers the API of milvus-cdc',
      // The gateway gives up after 30 s.
      timeout: Duration.seconds(28),
      environment,
      logRetentionDays,
    });
    this.reconcile = new NodeFunction(this, 'Reconcile', {
      name: 'reconcile',
      description: 'Starts, stops, moves and parks replicators',
      timeout: Duration.seconds(120),
      environment,
      logRetentionDays,
    });
    for (const { role } of [this.cdc, this.reconcile]) {
      props.table.grantControlPlane(role);
      props.fleet.grantControl(role);
      props.secrets.grantRemove(role);
      allow(role, { actions: ['lambda:InvokeFunction'], to: [this.probe.function.functionArn] });
    }
    props.secrets.grantCreate(this.cdc.role);
  }

  #environment({ table, fleet, api, logLevel }: ControlPlaneProps): Readonly<Record<string, string>> {
    const stack = Stack.of(this);
    return {
      [CONTROL_PLANE_ENV.stack]: stack.stackName,
      [CONTROL_PLANE_ENV.table]: table.tableName,
      [CONTROL_PLANE_ENV.fleet]: stack.toJsonString(fleet.settings),
      [CONTROL_PLANE_ENV.probeFunction]: this.probe.function.functionName,
      [CONTROL_PLANE_ENV.api]: JSON.stringify(api),
      [CONTROL_PLANE_ENV.logLevel]: logLevel,
    };
  }
}
