import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Construct } from 'constructs';
import type { ApiConfig } from '../config/api.ts';
import { HttpEndpoint } from './http-endpoint.ts';
import type { Network } from './network.ts';
import type { NodeFunction } from './node-function.ts';
import { PrivateEndpoint } from './private-endpoint.ts';

export interface ApiProps {
  readonly handler: NodeFunction;
  readonly config: ApiConfig;
  readonly network: Network;
  readonly logRetentionDays: number;
}

/** `/cdc`, every method, behind a gateway that lets in who is authorized, or who is in the VPC. */
export class Api extends Construct {
  /** Whole, `/cdc` included. */
  readonly url: string;
  /** For its metrics, which both kinds have under the same names. */
  readonly gateway: HttpApi | RestApi;

  constructor(scope: Construct, id: string, { handler, config, network, logRetentionDays }: ApiProps) {
    super(scope, id);
    const shared = { handler: handler.function, throttle: config.throttle, logRetentionDays };
    const { access } = config;
    const endpoint =
      access.kind === 'private'
        ? new PrivateEndpoint(this, 'Private', { ...shared, access, network })
        : new HttpEndpoint(this, 'Http', { ...shared, access, domain: config.domain });
    this.url = endpoint.url;
    this.gateway = endpoint.gateway;
    if (access.kind === 'iam') {
      new CfnOutput(Stack.of(this), 'ApiInvokeArn', {
        description: 'What callers need the right execute-api:Invoke on',
        value: endpoint.gateway.arnForExecuteApi('*', '/cdc'),
      });
    }
  }
}
