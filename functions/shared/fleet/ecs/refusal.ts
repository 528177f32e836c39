import { ECSServiceException, type Failure } from '@aws-sdk/client-ecs';
import { NotPlacedError } from '../fleet.ts';

/** Turns what ECS says into a sentence that names what to do. Pure. */

const QUOTA =
  'the account may run no more of this at once; ask for a higher quota: Service Quotas, AWS Fargate, vCPU resource count';
const CAPACITY =
  'Fargate has no room now; it is tried again, and subnets in more zones, or on demand instead of Spot, make it likelier';

/** By what the text says, since one code stands for several things. */
const BY_TEXT: readonly (readonly [RegExp, string])[] = [
  [/reached the limit|(?<!rate )limit exceeded|no more vCPU/i, QUOTA],
  [/[Cc]apacity is unavailable|\bRESOURCE:|^AGENT$/, CAPACITY],
  [
    /unable to assume the role|iam:PassRole/i,
    "the control plane's role may not hand over the replicator's roles: iam:PassRole",
  ],
  [
    /task.?definition.*(inactive|not found|unable to describe)|(inactive|not found|unable to describe).*task.?definition/i,
    'the task definition of this release is gone; deploy the stack again',
  ],
];

/** By the kind of error. */
const BY_NAME: Readonly<Record<string, string>> = {
  ThrottlingException: 'ECS throttles the calls of this account; it is tried again',
  TooManyRequestsException: 'ECS throttles the calls of this account; it is tried again',
  LimitExceededException: QUOTA,
  AccessDeniedException:
    "the control plane's role lacks a permission: ecs:RunTask, ecs:RegisterTaskDefinition, ecs:TagResource or iam:PassRole",
  ClusterNotFoundException: 'the ECS cluster is gone; deploy the stack again',
  BlockedException: 'AWS has blocked this account from ECS; ask AWS Support',
  PlatformUnknownException:
    'Fargate does not know this platform version; deploy a newer release of the stack',
  PlatformTaskDefinitionIncompatibilityException:
    'Fargate does not offer this size, architecture or image here; change the settings of the stack',
  UnsupportedFeatureException: 'Fargate does not offer this here; change the settings of the stack',
};

const OTHERWISE =
  'ECS refuses the settings of the replicator; correct them in the settings of the stack and deploy it again';

/** The reason of `failures` in the answer of RunTask: nothing was started. */
export function failureSentence({ reason = 'no reason given', detail }: Failure): string {
  const said = detail === undefined ? reason : `${reason}: ${detail}`;
  return `${byText(said) ?? OTHERWISE} (${said})`;
}

/** What an error of ECS means for a start. */
export function errorSentence(error: unknown): string {
  if (!(error instanceof Error)) return `ECS cannot be asked: ${String(error)}`;
  const said = `${error.name}: ${error.message}`;
  if (!isRefusal(error)) return `ECS does not answer as it should; it is tried again (${said})`;
  return `${byText(error.message) ?? BY_NAME[error.name] ?? OTHERWISE} (${said})`;
}

/** True when ECS has looked at the request and will not do it. Everything else is not known: the answer to a request that
 *  was carried out may be lost, or be an error of the server. */
export function isRefusal(error: unknown): error is ECSServiceException {
  if (!(error instanceof ECSServiceException)) return false;
  const status = error.$metadata.httpStatusCode ?? 0;
  return status >= 400 && status < 500 && status !== 408;
}

/** For what fails before anything is started, whatever it is. */
export function notPlaced(error: unknown): NotPlacedError {
  return error instanceof NotPlacedError ? error : new NotPlacedError(errorSentence(error), { cause: error });
}

function byText(said: string): string | undefined {
  return BY_TEXT.find(([pattern]) => pattern.test(said))?.[1];
}
