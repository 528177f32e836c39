/** An error as ECS answers it. */
export class AwsError extends Error {
  override readonly name: string;
  readonly status: number;
  /** Members beside type and message. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(
    name: string,
    message: string,
    options: { status?: number; extra?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.name = name;
    this.status = options.status ?? 400;
    this.extra = options.extra ?? {};
  }
}

export function invalidParameter(message: string): AwsError {
  return new AwsError('InvalidParameterException', message);
}

export function clientException(message: string): AwsError {
  return new AwsError('ClientException', message);
}

/** Fails as ECS does when the request breaks the rule. */
export function require(holds: boolean, broken: () => AwsError): asserts holds {
  if (!holds) throw broken();
}

/** A tag of any AWS service: keys to 128 characters, values to 256, of a few kinds. */
export function checkTags(tags: readonly { key?: string | undefined; value?: string | undefined }[]): void {
  const form = /^[\p{L}\p{N}\p{Z}_.:/=+\-@]*$/u;
  for (const { key = '', value = '' } of tags) {
    const fits =
      key.length > 0 && key.length <= 128 && value.length <= 256 && form.test(key) && form.test(value);
    require(fits, () => invalidParameter(`Invalid tag: ${key}`));
    require(!key.startsWith('aws:'), () => invalidParameter('Tag keys may not begin with aws:'));
  }
  const keys = tags.map(({ key }) => key);
  require(new Set(keys).size === keys.length, () => invalidParameter('Duplicate tag keys'));
}

/** One page of a list, as ECS cuts it. */
export function page<T>(
  all: readonly T[],
  { maxResults = 100, nextToken }: { maxResults?: number | undefined; nextToken?: string | undefined },
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  require(maxResults >= 1 && maxResults <= 100, () =>
    invalidParameter('maxResults must be between 1 and 100'));
  const from = nextToken === undefined ? 0 : Number(Buffer.from(nextToken, 'base64').toString());
  const to = from + maxResults;
  const next = to < all.length ? Buffer.from(String(to)).toString('base64') : undefined;
  return { items: all.slice(from, to), nextToken: next };
}
