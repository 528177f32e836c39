import { CfnOutput, Stack } from 'aws-cdk-lib';
import {
  ApiMapping,
  DomainName,
  HttpApi,
  HttpMethod,
  HttpStage,
  type IHttpRouteAuthorizer,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer, HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { ApiAccess, ApiConfig } from '../config/api.ts';
import { accessLog, accessLogFormat } from './access-log.ts';

export interface HttpEndpointProps {
  readonly handler: IFunction;
  readonly access: Exclude<ApiAccess, { kind: 'private' }>;
  readonly domain: ApiConfig['domain'];
  readonly throttle: ApiConfig['throttle'];
  readonly logRetentionDays: number;
}

/** An HTTP API with one route, which nobody passes without a signature or a token. */
export class HttpEndpoint extends Construct {
  readonly url: string;
  readonly gateway: HttpApi;

  constructor(scope: Construct, id: string, props: HttpEndpointProps) {
    super(scope, id);
    const { stackName } = Stack.of(this);
    const api = new HttpApi(this, 'Api', { apiName: stackName, createDefaultStage: false });
    const { access } = props;
    api.addRoutes({
      path: '/cdc',
      methods: [HttpMethod.ANY],
      integration: new HttpLambdaIntegration('Cdc', props.handler),
      authorizer: authorizer(access),
      ...(access.kind === 'jwt' && { authorizationScopes: [...access.scopes] }),
    });
    const stage = new HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: props.throttle.rate, burstLimit: props.throttle.burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLog(this, props.logRetentionDays)),
        format: accessLogFormat(CALLER[access.kind]),
      },
    });
    if (props.domain !== undefined) this.#map(stage, api, props.domain);
    this.gateway = api;
    this.url = `${props.domain === undefined ? api.apiEndpoint : `https://${props.domain.name}`}/cdc`;
  }

  #map(stage: HttpStage, api: HttpApi, { name, certificateArn }: NonNullable<ApiConfig['domain']>): void {
    const domainName = new DomainName(this, 'Domain', {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
    });
    new ApiMapping(this, 'Mapping', { api, stage, domainName });
    new CfnOutput(Stack.of(this), 'ApiDomainTarget', {
      description: `What the DNS record of ${name} points to`,
      value: domainName.regionalDomainName,
    });
  }
}

function authorizer(access: HttpEndpointProps['access']): IHttpRouteAuthorizer {
  if (access.kind === 'iam') return new HttpIamAuthorizer();
  return new HttpJwtAuthorizer('Jwt', access.issuer, { jwtAudience: [...access.audience] });
}

/** Who called, as the gateway knows it. */
const CALLER = {
  iam: { caller: '$context.identity.userArn' },
  jwt: { caller: '$context.authorizer.claims.sub' },
} as const;
