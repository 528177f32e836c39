import {
  SecretsManagerClient,
  type SecretsManagerClientConfig,
  SecretsManagerServiceException,
} from '@aws-sdk/client-secrets-manager';
import { StoreUnavailableError } from '../store/task-store.ts';

/** A client that gives up soon: whoever called the API waits for it. `config` adds region, endpoint and credentials where
 *  the environment does not say them. */
export function createSecretsManagerClient(
  config: Pick<SecretsManagerClientConfig, 'endpoint' | 'region' | 'credentials'> = {},
): SecretsManagerClient {
  return new SecretsManagerClient({
    ...config,
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
  });
}

export function isAnswer(
  error: unknown,
  ...names: readonly string[]
): error is SecretsManagerServiceException {
  return error instanceof SecretsManagerServiceException && names.includes(error.name);
}

/** True when Secrets Manager, or the key that the secret is encrypted with, refuses the caller. */
export function isRefusal(error: unknown): boolean {
  return isAnswer(error, 'AccessDeniedException', 'DecryptionFailure', 'EncryptionFailure');
}

/** The ports' error, whose sentence an operator reads. Secrets Manager's own messages name callers and never values. */
export function toUnavailable(error: unknown): StoreUnavailableError {
  const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const what = isRefusal(error)
    ? 'Secrets Manager refuses the control plane, its role lacks a permission'
    : 'Secrets Manager cannot be used';
  return new StoreUnavailableError(`${what}: ${why}`, { cause: error });
}
