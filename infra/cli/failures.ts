/** How `npm run cdc` ends. */
export const EXIT_CODE = {
  done: 0,
  /** The API answered with an error, or part of the work was left out; it is said which. */
  refused: 1,
  /** There was no answer of the API: the gateway, the network or the credentials are in the way. */
  unavailable: 69,
  /** An argument, a file or a setting is wrong. */
  usage: 78,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** An argument, a file or a setting is wrong; the message says which and what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The API answered with an error; the message is the API's. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** The answer's body as it came. */
  readonly answer: string;

  constructor(message: string, answer: string) {
    super(message);
    this.answer = answer;
  }
}

/** There was no answer of the API. `status` is the HTTP status that a proxy answers with. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }

  /** True when it may get better by itself. */
  get passing(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}
