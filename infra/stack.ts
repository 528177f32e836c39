import {
  Annotations,
  CfnOutput,
  CfnRule,
  CliCredentialsStackSynthesizer,
  Fn,
  type IStackSynthesizer,
  Stack,
  Tags,
} from 'aws-cdk-lib';
import { ManagedPolicy, PermissionsBoundary } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { StackConfig } from './config.ts';
import { alarmTopic } from './constructs/alarm-topic.ts';
import { Api } from './constructs/api.ts';
import { ControlPlane } from './constructs/control-plane.ts';
import { Monitoring } from './constructs/monitoring.ts';
import { Network } from './constructs/network.ts';
import { Reconciler } from './constructs/reconciler.ts';
import { ReplicatorFleet } from './constructs/replicator-fleet.ts';
import { SecretAccess } from './constructs/secret-access.ts';
import { TaskTable } from './constructs/task-table.ts';
import { Uninstall } from './constructs/uninstall.ts';
import type { ApiSettings } from './lambda/config.ts';

export interface CdcStackProps {
  readonly config: StackConfig;
  /** Holds a Dockerfile and what it copies; needed when the image is built from this repository. */
  readonly imageFolder: string;
}

/** The service on AWS: wiring only, one construct per capability. */
export class CdcStack extends Stack {
  constructor(scope: Construct, { config, imageFolder }: CdcStackProps) {
    super(scope, config.stackName, {
      stackName: config.stackName,
      // An emulated account that enforces IAM does not let the roles of the bootstrap do their work.
      ...(config.emulation && { synthesizer: new CliCredentialsStackSynthesizer() as IStackSynthesizer }),
    });
    const { emulation, logRetentionDays, source } = config;
    const table = new TaskTable(this, 'Tasks', config.table);
    const network = new Network(this, 'Network', { ...config.network, logRetentionDays, emulation });
    const sourceSecrets = Object.values(source.secrets).filter((arn) => arn !== undefined);
    const secrets = new SecretAccess(this, { sourceSecrets, keys: config.secretKeys });
    const fleet = new ReplicatorFleet(this, 'Fleet', { ...config, imageFolder, table, network, secrets });
    const controlPlane = new ControlPlane(this, 'ControlPlane', {
      ...config,
      ...{ table, network, secrets, fleet },
      api: handlerSettings(config),
      mskCluster: source.mskCluster,
    });
    const { cdc, reconcile, probe } = controlPlane;
    new Reconciler(this, 'Reconciler', { function: reconcile.function, cluster: fleet.cluster });
    new Uninstall(this, 'Uninstall', {
      ...config,
      ...{ cluster: fleet.cluster, secrets, starters: [cdc, reconcile], needed: [fleet, network, table] },
    });
    const api = new Api(this, 'Api', { handler: cdc, config: config.api, network, logRetentionDays });
    new Monitoring(this, 'Monitoring', {
      stackName: this.stackName,
      functions: { cdc, reconcile, probe },
      api: api.gateway,
      table,
      logGroup: fleet.logGroup,
      alarmTopic: alarmTopic(this, config.alarms),
      emulation,
    });
    this.#output({
      ApiUrl: api.url,
      TaskTableName: table.tableName,
      ClusterName: fleet.cluster.clusterName,
      ReplicatorSecurityGroup: network.securityGroup.securityGroupId,
      ReplicatorLogGroup: fleet.logGroup.logGroupName,
      CdcLogGroup: cdc.logGroup.logGroupName,
      ReconcileLogGroup: reconcile.logGroup.logGroupName,
      ProbeLogGroup: probe.logGroup.logGroupName,
    });
    this.#applyToAll(config);
    if (config.example) this.#refuseDeployment();
  }

  #refuseDeployment(): void {
    const sentence = 'No settings were given: this is infra/example.yaml, to be looked at and not deployed';
    Annotations.of(this).addWarningV2('milvus-cdc:example', sentence);
    new CfnRule(this, 'Settings', {
      assertions: [{ assert: Fn.conditionEquals('example', 'settings'), assertDescription: sentence }],
    });
  }

  #output(values: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(values)) new CfnOutput(this, name, { value });
  }

  #applyToAll({ tags, permissionsBoundary, warnings }: StackConfig): void {
    for (const [name, value] of Object.entries(tags)) Tags.of(this).add(name, value);
    if (permissionsBoundary !== undefined) {
      PermissionsBoundary.of(this).apply(
        ManagedPolicy.fromManagedPolicyArn(this, 'PermissionsBoundary', permissionsBoundary),
      );
    }
    for (const warning of warnings) Annotations.of(this).addWarningV2(`milvus-cdc:${warning}`, warning);
  }
}

function handlerSettings({ api, source, allowedTargets }: StackConfig): ApiSettings {
  const { replicateChannel } = source.settings;
  return { ...api.handler, replicateChannel, allowedTargets: [...allowedTargets] };
}
