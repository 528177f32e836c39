import { arn } from './setting.ts';

const EXAMPLE = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:name-AbCdEf';

/** ARN of a secret with its six last characters, as the console shows it: ECS and IAM both need it whole. */
export const secretArn = arn('secretsmanager', /[a-z0-9-]+:\d{12}:secret:[^:]+-[A-Za-z0-9]{6}/, EXAMPLE);
