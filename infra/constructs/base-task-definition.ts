import { Annotations, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import {
  Capability,
  ContainerImage,
  CpuArchitecture,
  FargateTaskDefinition,
  LinuxParameters,
  LogDrivers,
  OperatingSystemFamily,
  Secret as SecretVariable,
} from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { HEALTH_COMMAND, HEALTH_PORT, REPLICATOR_ENV, REPLICATOR_SECRETS, TIMING } from '#shared/names.ts';
import type { ImageConfig, ReplicatorConfig } from '../config/replicator.ts';
import type { SourceConfig } from '../config/source.ts';
import { allow, explain } from './allow.ts';
import type { SecretAccess } from './secret-access.ts';
import type { TaskTable } from './task-table.ts';

export interface BaseTaskDefinitionProps {
  readonly replicator: ReplicatorConfig;
  readonly image: ImageConfig;
  /** What the image is built from, where it is. */
  readonly imageFolder: string;
  readonly source: SourceConfig;
  readonly table: TaskTable;
  readonly secrets: SecretAccess;
  readonly logLevel: string;
  readonly logRetentionDays: number;
}

/** What all replicators of a release have in common. It is never run itself: the control plane registers a copy for each
 *  task, with the task's secrets and tags. Its ARN is the name of the release, so a deployment that changes anything here
 *  makes replicators move to it. */
export class BaseTaskDefinition extends Construct {
  readonly definition: FargateTaskDefinition;
  readonly executionRole: Role;
  readonly taskRole: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: BaseTaskDefinitionProps) {
    super(scope, id);
    const { replicator, table, secrets } = props;
    const { stackName } = Stack.of(this);
    this.logGroup = new LogGroup(this, 'Log', {
      logGroupName: `${stackName}/replicators`,
      retention: props.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.executionRole = this.#role('ExecutionRole', 'Starts replicators: image, log, secrets');
    secrets.grantRead(this.executionRole);
    this.taskRole = this.#role('TaskRole', 'What a running replicator may do');
    table.grantReplicator(this.taskRole);
    if (props.source.mskCluster !== undefined) grantMskRead(this.taskRole, props.source.mskCluster);
    this.definition = new FargateTaskDefinition(this, 'Definition', {
      family: `${stackName}-replicator`,
      cpu: replicator.cpu,
      memoryLimitMiB: replicator.memoryMiB,
      executionRole: this.executionRole,
      taskRole: this.taskRole,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.of(replicator.architecture),
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
    });
    this.#addContainer(props);
    Validations.of(this.definition).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'Names and addresses; what is secret comes from Secrets Manager',
    });
  }

  #addContainer(props: BaseTaskDefinitionProps): void {
    const { replicator, source, table, logLevel } = props;
    this.definition.addContainer('replicator', {
      image: this.#image(props),
      essential: true,
      environment: {
        [REPLICATOR_ENV.stack]: Stack.of(this).stackName,
        [REPLICATOR_ENV.table]: table.tableName,
        [REPLICATOR_ENV.source]: JSON.stringify(source.settings),
        [REPLICATOR_ENV.logLevel]: logLevel,
        [REPLICATOR_ENV.healthPort]: String(HEALTH_PORT),
        ...(replicator.settings && { [REPLICATOR_ENV.settings]: JSON.stringify(replicator.settings) }),
      },
      secrets: this.#secretVariables(source),
      logging: LogDrivers.awsLogs({ logGroup: this.logGroup, streamPrefix: 'replicator' }),
      healthCheck: {
        command: ['CMD', ...HEALTH_COMMAND],
        interval: Duration.seconds(30),
        timeout: Duration.seconds(10),
        retries: 3,
        // Until its first lease, which a predecessor may still hold, there is nothing to be healthy about.
        startPeriod: Duration.seconds(120),
      },
      stopTimeout: Duration.seconds(TIMING.stopTimeoutSeconds),
      user: '1000:1000',
      readonlyRootFilesystem: true,
      linuxParameters: this.#linuxParameters(),
    });
  }

  #linuxParameters(): LinuxParameters {
    const parameters = new LinuxParameters(this, 'Linux', { initProcessEnabled: true });
    parameters.dropCapabilities(Capability.ALL);
    return parameters;
  }

  #secretVariables(source: SourceConfig): Record<string, SecretVariable> {
    return Object.fromEntries(
      (['etcdLogin', 'etcdKey', 'kafkaLogin', 'kafkaKey'] as const).flatMap((name) => {
        const arn = source.secrets[name];
        if (arn === undefined) return [];
        const secret = Secret.fromSecretCompleteArn(this, name, arn);
        return [[REPLICATOR_SECRETS[name], SecretVariable.fromSecretsManager(secret)]];
      }),
    );
  }

  #image({ image, imageFolder, replicator }: BaseTaskDefinitionProps): ContainerImage {
    if (image.kind === 'bundle') {
      const platform = replicator.architecture === 'ARM64' ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64;
      explain(this.executionRole, '*', WHY_ECR);
      return ContainerImage.fromDockerImageAsset(
        new DockerImageAsset(this, 'Image', { directory: imageFolder, platform }),
      );
    }
    if (image.kind === 'ecr') {
      const pull = ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'];
      allow(
        this.executionRole,
        { actions: ['ecr:GetAuthorizationToken'], toAny: '*', why: WHY_ECR },
        { actions: pull, to: [image.repositoryArn] },
      );
      // This is what the warning asks for.
      Annotations.of(this).acknowledgeWarning('@aws-cdk/aws-ecs:ecrImageRequiresPolicy');
    }
    return ContainerImage.fromRegistry(image.name);
  }

  /** Only for tasks of this account and region. */
  #role(id: string, description: string): Role {
    const { partition, region, account } = Stack.of(this);
    return new Role(this, id, {
      description,
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com', {
        conditions: {
          StringEquals: { 'aws:SourceAccount': account },
          ArnLike: { 'aws:SourceArn': `arn:${partition}:ecs:${region}:${account}:*` },
        },
      }),
    });
  }
}

const WHY_ECR = 'ecr:GetAuthorizationToken takes no resource';

/** To read every topic of the cluster: which ones there are is the source's settings' and not ours to know. */
export function grantMskRead(role: Role, clusterArn: string): void {
  allow(
    role,
    { actions: ['kafka-cluster:Connect', 'kafka-cluster:DescribeCluster'], to: [clusterArn] },
    {
      actions: [
        'kafka-cluster:DescribeTopic',
        'kafka-cluster:DescribeTopicDynamicConfiguration',
        'kafka-cluster:ReadData',
      ],
      toAny: `${clusterArn.replace(':cluster/', ':topic/')}/*`,
      why: 'The source makes a topic for each of its channels, under names of its own',
    },
  );
}
