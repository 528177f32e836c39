import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { STAGES } from './stages.ts';
import { synth } from './synth.ts';

const template = synth();

test('nobody calls without a signature', () => {
  template.resourceCountIs('AWS::ApiGatewayV2::Route', 1);
  template.hasResourceProperties('AWS::ApiGatewayV2::Route', {
    RouteKey: 'ANY /cdc',
    AuthorizationType: 'AWS_IAM',
  });
});

test('an output names what a caller needs rights on, which is this route and no other', () => {
  template.hasOutput('ApiInvokeArn', {
    Value: { 'Fn::Join': ['', Match.arrayWith([Match.stringLikeRegexp('/\\*/\\*/cdc$')])] },
  });
});

test('a token is taken from the named issuer, for the named audience and with a named scope', () => {
  const jwt = synth(STAGES.jwt);
  jwt.hasResourceProperties('AWS::ApiGatewayV2::Route', {
    AuthorizationType: 'JWT',
    AuthorizationScopes: ['cdc/admin'],
  });
  jwt.hasResourceProperties('AWS::ApiGatewayV2::Authorizer', {
    AuthorizerType: 'JWT',
    JwtConfiguration: { Audience: ['milvus-cdc'], Issuer: 'https://login.example.com/' },
  });
});

test('without authorization there is no public endpoint, and one way in from the VPC', () => {
  const open = synth(STAGES.private);
  open.resourceCountIs('AWS::ApiGatewayV2::Api', 0);
  open.hasResourceProperties('AWS::ApiGateway::RestApi', {
    EndpointConfiguration: Match.objectLike({ Types: ['PRIVATE'] }),
    Policy: {
      Version: '2012-10-17',
      Statement: [
        Match.objectLike({
          Effect: 'Allow',
          Action: 'execute-api:Invoke',
          Condition: {
            StringEquals: { 'aws:SourceVpce': { Ref: Match.stringLikeRegexp('^ApiPrivateEndpoint') } },
          },
        }),
      ],
    },
  });
  open.hasResourceProperties('AWS::EC2::SecurityGroup', {
    GroupDescription: Match.stringLikeRegexp('^API'),
    SecurityGroupIngress: [Match.objectLike({ CidrIp: '10.20.0.0/16', FromPort: 443, ToPort: 443 })],
  });
});

test('an endpoint that exists is used and no other made', () => {
  const given = synth({ 'api.authorization': 'none', 'api.vpcEndpointId': 'vpce-0123456789abcdef0' });
  given.resourceCountIs('AWS::EC2::VPCEndpoint', 0);
  given.hasResourceProperties('AWS::ApiGateway::RestApi', {
    Policy: Match.objectLike({
      Statement: [
        Match.objectLike({ Condition: { StringEquals: { 'aws:SourceVpce': 'vpce-0123456789abcdef0' } } }),
      ],
    }),
  });
});

test('requests are throttled, at both kinds of gateway', () => {
  template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
    DefaultRouteSettings: Match.objectLike({ ThrottlingRateLimit: 20, ThrottlingBurstLimit: 40 }),
  });
  synth(STAGES.private).hasResourceProperties('AWS::ApiGateway::Stage', {
    MethodSettings: [Match.objectLike({ ThrottlingRateLimit: 20, ThrottlingBurstLimit: 40 })],
  });
});

test('access logs tell who called and never what was sent', () => {
  const stages = [
    ...Object.values(template.findResources('AWS::ApiGatewayV2::Stage')),
    ...Object.values(synth(STAGES.jwt).findResources('AWS::ApiGatewayV2::Stage')),
    ...Object.values(synth(STAGES.private).findResources('AWS::ApiGateway::Stage')),
  ];
  expect(stages).toHaveLength(3);
  for (const { Properties } of stages) {
    const settings = Properties.AccessLogSettings ?? Properties.AccessLogSetting;
    const fields = Object.values(JSON.parse(settings.Format) as Record<string, string>);
    expect(fields).toContain('$context.identity.sourceIp');
    expect(fields.filter((field) => /body|query|header|\.authorization/i.test(field))).toEqual([]);
  }
});

test('no gateway logs bodies', () => {
  synth(STAGES.private).hasResourceProperties('AWS::ApiGateway::Stage', {
    MethodSettings: [Match.objectLike({ LoggingLevel: 'OFF', DataTraceEnabled: false })],
  });
});

test('a name of its own leads to the API, and an output says what DNS has to point to', () => {
  const named = synth(STAGES.jwt);
  named.hasResourceProperties('AWS::ApiGatewayV2::DomainName', {
    DomainName: 'cdc.example.com',
    DomainNameConfigurations: [Match.objectLike({ EndpointType: 'REGIONAL' })],
  });
  named.resourceCountIs('AWS::ApiGatewayV2::ApiMapping', 1);
  named.hasOutput('ApiUrl', { Value: 'https://cdc.example.com/cdc' });
  named.hasOutput('ApiDomainTarget', {});
});
