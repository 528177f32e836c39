import { Duration, Stack } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { CONTROL_PLANE_ENV } from '#shared/names.ts';
import type { ApiSettings } from '../lambda/config.ts';
import { allow } from './allow.ts';
import { grantMskRead } from './base-task-definition.ts';
import type { Network } from './network.ts';
import { NodeFunction, type Placement } from './node-function.ts';
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
  /** Tries targets on the internet, where `probe` has no way there. */
  readonly outsideProbe?: NodeFunction;

  constructor(scope: Construct, id: string, props: ControlPlaneProps) {
    super(scope, id);
    const { logRetentionDays } = props;
    this.probe = this.#probe('probe', props, props.network);
    if (props.mskCluster !== undefined) grantMskRead(this.probe.role, props.mskCluster);
    // A Lambda in a VPC has no public address, whatever its subnet.
    if (props.network.assignPublicIp) this.outsideProbe = this.#probe('outside-probe', props);
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
      allow(role, {
        actions: ['lambda:InvokeFunction'],
        to: this.#probes().map((probe) => probe.functionArn),
      });
    }
    props.secrets.grantCreate(this.cdc.role);
    // It asks the source, by the probe, how long its log is kept.
    props.secrets.grantReadSource(this.reconcile.role);
  }

  #probe(
    name: string,
    { logLevel, logRetentionDays }: ControlPlaneProps,
    placement?: Placement,
  ): NodeFunction {
    return new NodeFunction(this, name === 'probe' ? 'Probe' : 'OutsideProbe', {
      name,
      entry: 'probe',
      description: 'Tries source and target of a new task from where its replicator will run',
      timeout: Duration.seconds(28),
      environment: { [CONTROL_PLANE_ENV.logLevel]: logLevel },
      logRetentionDays,
      placement,
    });
  }

  #probes(): readonly IFunction[] {
    return [this.probe, this.outsideProbe].flatMap((probe) => probe?.function ?? []);
  }

  #environment({ table, fleet, api, logLevel }: ControlPlaneProps): Readonly<Record<string, string>> {
    const stack = Stack.of(this);
    return {
      [CONTROL_PLANE_ENV.stack]: stack.stackName,
      [CONTROL_PLANE_ENV.table]: table.tableName,
      [CONTROL_PLANE_ENV.fleet]: stack.toJsonString(fleet.settings),
      [CONTROL_PLANE_ENV.probeFunction]: this.probe.function.functionName,
      ...(this.outsideProbe && {
        [CONTROL_PLANE_ENV.outsideProbeFunction]: this.outsideProbe.function.functionName,
      }),
      [CONTROL_PLANE_ENV.api]: JSON.stringify(api),
      [CONTROL_PLANE_ENV.logLevel]: logLevel,
    };
  }
}
