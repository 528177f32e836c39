import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import {
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  type Method,
  MethodLoggingLevel,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway';
import {
  type IInterfaceVpcEndpoint,
  InterfaceVpcEndpoint,
  InterfaceVpcEndpointAwsService,
  type IPeer,
  Peer,
  Port,
  SecurityGroup,
} from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { ApiAccess, ApiConfig } from '../config/api.ts';
import { accessLog, accessLogFormat } from './access-log.ts';
import type { Network } from './network.ts';

export interface PrivateEndpointProps {
  readonly handler: IFunction;
  readonly access: Extract<ApiAccess, { kind: 'private' }>;
  readonly network: Network;
  readonly throttle: ApiConfig['throttle'];
  readonly logRetentionDays: number;
}

/** A REST API that asks for no login and can be reached through one endpoint in the VPC only: its resource policy says so.
 *  (HTTP APIs cannot be private.) */
export class PrivateEndpoint extends Construct {
  readonly url: string;
  readonly gateway: RestApi;

  constructor(scope: Construct, id: string, props: PrivateEndpointProps) {
    super(scope, id);
    const endpoint = this.#endpoint(props);
    const api = new RestApi(this, 'Api', {
      restApiName: Stack.of(this).stackName,
      endpointConfiguration: { types: [EndpointType.PRIVATE], vpcEndpoints: [endpoint] },
      policy: onlyThrough(endpoint),
      // Once per account and region; without it API Gateway refuses to write logs. It stays: others may use it by then.
      cloudWatchRole: true,
      cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
      deployOptions: {
        stageName: 'live',
        throttlingRateLimit: props.throttle.rate,
        throttlingBurstLimit: props.throttle.burst,
        loggingLevel: MethodLoggingLevel.OFF,
        accessLogDestination: new LogGroupLogDestination(accessLog(this, props.logRetentionDays)),
        accessLogFormat: accessLogFormat({ vpcEndpoint: '$context.identity.vpceId' }),
      },
    });
    const method = api.root
      .addResource('cdc')
      .addMethod('ANY', new LambdaIntegration(props.handler, { allowTestInvoke: false }));
    acknowledge(api, method);
    this.gateway = api;
    this.url = api.urlForPath('/cdc');
  }

  #endpoint({ access, network }: PrivateEndpointProps): IInterfaceVpcEndpoint {
    if ('endpointId' in access) {
      return InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(this, 'Endpoint', {
        vpcEndpointId: access.endpointId,
        port: 443,
      });
    }
    const { vpc, subnets } = network;
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: `API of ${Stack.of(this).stackName}: lets its clients in`,
      allowAllOutbound: false,
    });
    for (const client of access.clients) securityGroup.addIngressRule(peerOf(client), Port.tcp(443));
    return new InterfaceVpcEndpoint(this, 'Endpoint', {
      vpc,
      subnets,
      service: InterfaceVpcEndpointAwsService.APIGATEWAY,
      securityGroups: [securityGroup],
      open: false,
    });
  }
}

function peerOf(client: string): IPeer {
  return client.startsWith('sg-') ? Peer.securityGroupId(client) : Peer.ipv4(client);
}

function onlyThrough(endpoint: IInterfaceVpcEndpoint): PolicyDocument {
  return new PolicyDocument({
    statements: [
      new PolicyStatement({
        principals: [new AnyPrincipal()],
        actions: ['execute-api:Invoke'],
        resources: ['execute-api:/*'],
        conditions: { StringEquals: { 'aws:SourceVpce': endpoint.vpcEndpointId } },
      }),
    ],
  });
}

function acknowledge(api: RestApi, method: Method): void {
  const loginless =
    'Asked for: the resource policy lets in whoever comes through the one endpoint in the VPC';
  Validations.of(method).acknowledge(
    { id: 'AwsSolutions-APIG4', reason: loginless },
    { id: 'AwsSolutions-COG4', reason: loginless },
  );
  Validations.of(api).acknowledge(
    { id: 'AwsSolutions-APIG2', reason: 'The handler checks requests, and answers as milvus-cdc does' },
    { id: 'AwsSolutions-APIG3', reason: 'Not reachable from the internet' },
    { id: 'AwsSolutions-APIG6', reason: 'Off: execution logs hold bodies, and those hold credentials' },
    {
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
      reason: "API Gateway's own policy for the one role per account that it writes logs with",
    },
  );
}
