import { fileURLToPath } from 'node:url';
import { type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Effect, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type BundlingOptions, LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { allow, arnOf } from './allow.ts';

export interface NodeFunctionProps {
  /** Its name on AWS is `<stack>-<name>`. */
  readonly name: string;
  /** In `infra/lambda`, without its ending. @default the name */
  readonly entry?: string | undefined;
  readonly description: string;
  readonly timeout: Duration;
  readonly environment: Readonly<Record<string, string>>;
  readonly logRetentionDays: number;
  /** @default outside of any VPC */
  readonly placement?: Placement | undefined;
}

export interface Placement {
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  readonly securityGroup: ISecurityGroup;
}

/** One of our Lambdas: Node 24 on ARM64, bundled by esbuild with all it needs, a role that may write its own log and
 *  nothing else, and a log that ends with the stack. */
export class NodeFunction extends Construct {
  readonly function: NodejsFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: NodeFunctionProps) {
    super(scope, id);
    const { name, entry = name, description, timeout, environment, logRetentionDays, placement } = props;
    const { stackName } = Stack.of(this);
    const functionName = `${stackName}-${name}`;
    this.logGroup = new LogGroup(this, 'Log', {
      logGroupName: `${stackName}/${name}`,
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(this.role);
    if (placement !== undefined) this.#grantPlacement(functionName);
    this.function = new NodejsFunction(this, 'Function', {
      functionName,
      description,
      entry: path(`infra/lambda/${entry}.ts`),
      projectRoot: path(''),
      depsLockFilePath: path('package-lock.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 512,
      timeout,
      environment: { ...environment, NODE_OPTIONS: '--enable-source-maps' },
      role: this.role,
      logGroup: this.logGroup,
      bundling: BUNDLING,
      ...(placement && {
        vpc: placement.vpc,
        vpcSubnets: placement.subnets,
        securityGroups: [placement.securityGroup],
        // It is there for what is private; the internet it cannot reach from a public subnet.
        allowPublicSubnet: true,
      }),
    });
  }

  /** Lambda itself needs the role's leave to connect the function to a VPC; the function's code is denied the same.
   *  https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html */
  #grantPlacement(functionName: string): void {
    const functionArn = arnOf(this, 'lambda', `function:${functionName}`);
    const interfaces = {
      actions: PLACEMENT_ACTIONS,
      toAny: '*',
      why: 'Lambda asks for it so, to connect the function to its VPC; the code of the function is denied it',
    };
    allow(this.role, interfaces, {
      ...interfaces,
      effect: Effect.DENY,
      when: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
    });
  }
}

const PLACEMENT_ACTIONS = [
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

const BUNDLING: BundlingOptions = {
  format: OutputFormat.ESM,
  target: 'node24',
  // The version of the SDK that was tested, and not the one that Lambda has today.
  bundleAwsSDK: true,
  sourceMap: true,
  sourcesContent: false,
  logLevel: LogLevel.WARNING,
  // Dependencies in CommonJS ask for Node's own modules through `require`.
  banner:
    "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
  // The Kafka client reads a file beside its code, which a bundle has not; it comes in a form without one, too.
  esbuildArgs: { '--alias:@platformatic/wasm-utils': '@platformatic/wasm-utils/bundled' },
};

/** Of the repository, wherever the app is started from. */
function path(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}
