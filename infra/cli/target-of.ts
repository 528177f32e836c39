import { MASK } from '../../functions/cdc/mask.ts';

export interface TargetAddress {
  readonly uri: string;
  readonly host: string;
  readonly port: number;
}

/** A target as its task names it. What is shown of a URI has a mask in place of its user-info; that is no part of the
 *  address. */
export function targetOf({ uri, host, port }: TargetAddress): string {
  return uri === '' ? `${unmasked(host)}:${port}` : unmasked(uri);
}

export function unmasked(text: string): string {
  return text.replace(`${MASK}@`, '');
}
