import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { STAGES } from './stages.ts';
import { synth } from './synth.ts';

const NEW_VPC = { 'network.vpcId': null, 'network.subnetIds': null };

test.each(Object.entries(STAGES))('nobody may connect to a replicator (%s)', (_stage, settings) => {
  const template = synth(settings);
  const groups = template.findResources('AWS::EC2::SecurityGroup', {
    Properties: { GroupDescription: Match.stringLikeRegexp('Replicators') },
  });
  const [[id, group] = []] = Object.entries(groups);
  expect(group?.['Properties'].SecurityGroupIngress).toBeUndefined();
  const rules = Object.values(template.findResources('AWS::EC2::SecurityGroupIngress'));
  const into = rules.filter((rule) => JSON.stringify(rule['Properties'].GroupId).includes(id ?? 'none'));
  expect(into).toEqual([]);
});

test('a VPC that exists is given nothing but a security group', () => {
  const template = synth();
  const types = Object.values(template.toJSON()['Resources'] as Record<string, { Type: string }>);
  expect(types.filter(({ Type }) => Type.startsWith('AWS::EC2::')).map(({ Type }) => Type)).toEqual([
    'AWS::EC2::SecurityGroup',
  ]);
  template.hasResourceProperties('AWS::EC2::SecurityGroup', { VpcId: 'vpc-0123456789abcdef0' });
});

test('nat makes a VPC with one NAT gateway, and S3 and DynamoDB go around it', () => {
  const template = synth({ ...NEW_VPC, 'network.egress': 'nat' });
  template.resourceCountIs('AWS::EC2::NatGateway', 1);
  template.resourcePropertiesCountIs('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' }, 2);
  template.resourcePropertiesCountIs('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Interface' }, 0);
});

test('endpoints leave no way to the internet', () => {
  const template = synth({ ...NEW_VPC, 'network.egress': 'endpoints' });
  template.resourceCountIs('AWS::EC2::NatGateway', 0);
  template.resourceCountIs('AWS::EC2::InternetGateway', 0);
  template.resourcePropertiesCountIs('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' }, 2);
  template.resourcePropertiesCountIs('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Interface' }, 4);
});

test('endpoints in a VPC that exists are reached by the route tables that were named', () => {
  const template = synth({ 'network.egress': 'endpoints', 'network.routeTableIds': 'rtb-0123456789abcdef0' });
  template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
    VpcEndpointType: 'Gateway',
    RouteTableIds: ['rtb-0123456789abcdef0'],
  });
  template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
    VpcEndpointType: 'Interface',
    SubnetIds: ['subnet-0aaaaaaaaaaaaaaaa', 'subnet-0bbbbbbbbbbbbbbbb'],
  });
});

test('public-ip gives each replicator an address, and no other setting does', () => {
  const fleet = (settings: Record<string, unknown>) => JSON.stringify(synth(settings).toJSON());
  expect(fleet({ ...NEW_VPC, 'network.egress': 'public-ip' })).toContain('\\"assignPublicIp\\":true');
  expect(fleet({})).toContain('\\"assignPublicIp\\":false');
});

test('peers are told to let replicators in, at the ports that were named and at no others', () => {
  const template = synth({
    'network.peerSecurityGroups': 'sg-0aaaaaaaaaaaaaaaa:2379,sg-0bbbbbbbbbbbbbbbb:9092-9096',
  });
  const rules = Object.values(template.findResources('AWS::EC2::SecurityGroupIngress'));
  expect(rules.map(({ Properties }) => [Properties.GroupId, Properties.FromPort, Properties.ToPort])).toEqual(
    [
      ['sg-0aaaaaaaaaaaaaaaa', 2_379, 2_379],
      ['sg-0bbbbbbbbbbbbbbbb', 9_092, 9_096],
    ],
  );
  for (const { Properties } of rules) {
    expect(Properties.SourceSecurityGroupId).toEqual({
      'Fn::GetAtt': [expect.stringMatching(/^NetworkReplicators/), 'GroupId'],
    });
  }
});

test('a new VPC logs what it refuses, and only that', () => {
  synth({ ...NEW_VPC, 'network.egress': 'nat' }).hasResourceProperties('AWS::EC2::FlowLog', {
    TrafficType: 'REJECT',
  });
});
