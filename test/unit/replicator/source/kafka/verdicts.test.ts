import { status } from '@grpc/grpc-js';
import {
  AuthenticationError,
  MultipleErrors,
  NetworkError,
  ProtocolError,
  UserError,
} from '@platformatic/kafka';
import { describe, expect, test } from 'vitest';
import {
  authenticationIsOff,
  etcdVerdict,
  statusDetails,
} from '../../../../../replicator/source/kafka/etcd-verdict.ts';
import {
  KafkaAnswerError,
  kafkaReason,
  kafkaVerdict,
} from '../../../../../replicator/source/kafka/kafka-verdict.ts';

const grpc = (code: number, details: string): Error =>
  Object.assign(new Error(`${code} ${details}`), { code, details });

describe('etcd', () => {
  test.each([
    [status.UNAVAILABLE, 'No connection established', 'elsewhere'],
    [status.UNAVAILABLE, 'etcdserver: no leader', 'elsewhere'],
    [status.UNAVAILABLE, 'etcdserver: request timed out', 'elsewhere'],
    [status.DEADLINE_EXCEEDED, 'Deadline exceeded', 'elsewhere'],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: too many requests', 'elsewhere'],
    [status.INTERNAL, 'Received RST_STREAM', 'elsewhere'],
    [status.UNKNOWN, 'context canceled', 'elsewhere'],
    [status.UNAUTHENTICATED, 'etcdserver: invalid auth token', 'login'],
    [status.INVALID_ARGUMENT, 'etcdserver: revision of auth store is old', 'login'],
    [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision has been compacted', 'compacted'],
    [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision is a future revision', 'refused'],
    [status.PERMISSION_DENIED, 'etcdserver: permission denied', 'refused'],
    [status.INVALID_ARGUMENT, 'etcdserver: authentication failed, invalid user ID or password', 'refused'],
    [status.INVALID_ARGUMENT, 'etcdserver: user name is empty', 'refused'],
  ] as const)('code %i, %j is %s', (code, details, verdict) => {
    expect(etcdVerdict(grpc(code, details))).toBe(verdict);
  });

  test('an error without a code is of this member', () => {
    expect(etcdVerdict(new Error('socket hang up'))).toBe('elsewhere');
  });

  test('a server without logins is told by its words', () => {
    expect(
      authenticationIsOff(grpc(status.FAILED_PRECONDITION, 'etcdserver: authentication is not enabled')),
    ).toBe(true);
    expect(authenticationIsOff(grpc(status.UNAVAILABLE, 'no leader'))).toBe(false);
  });

  test('details are what the server said', () => {
    expect(statusDetails(grpc(14, 'no leader'))).toBe('no leader');
    expect(statusDetails(new Error('plain'))).toBe('plain');
    expect(statusDetails('text')).toBe('text');
  });
});

describe('Kafka', () => {
  test.each([
    [1, 'out-of-range'],
    [3, 'no-topic'],
    [5, 'again'],
    [6, 'again'],
    [9, 'again'],
    [29, 'refused'],
    [35, 'refused'],
    [56, 'again'],
    [74, 'again'],
    [75, 'again'],
    [78, 'again'],
    [100, 'no-topic'],
    [103, 'no-topic'],
    [12345, 'again'],
  ] as const)('error code %i of an answer is %s', (code, verdict) => {
    expect(kafkaVerdict(new KafkaAnswerError(code))).toBe(verdict);
  });

  test.each([
    [new UserError('Unknown topic a.b-c.'), 'no-topic'],
    [new UserError('Broker requires TLS.'), 'refused'],
    [new AuthenticationError('SASL authentication failed.'), 'refused'],
    [new MultipleErrors('Cannot connect to any broker.', [new AuthenticationError('SASL')]), 'refused'],
    [new NetworkError('Connection closed'), 'again'],
    [new MultipleErrors('m', [new NetworkError('Connection closed')]), 'again'],
    [new ProtocolError('TOPIC_AUTHORIZATION_FAILED'), 'refused'],
    [new ProtocolError('NOT_LEADER_OR_FOLLOWER'), 'again'],
    ['text', 'again'],
  ])('%s is %s', (error, verdict) => {
    expect(kafkaVerdict(error)).toBe(verdict);
  });

  test('the reason is the innermost of nested errors', () => {
    const refused = new NetworkError('Connection to a:1 failed.', {
      cause: new Error('connect ECONNREFUSED'),
    });
    expect(kafkaReason(new MultipleErrors('Cannot connect.', [refused]))).toBe(
      'Connection to a:1 failed (connect ECONNREFUSED)',
    );
  });
});
