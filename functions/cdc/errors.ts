/** An answer that is not a success: `code` goes into the envelope, `message` behind the prefix of its layer. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: 400 | 500;

  constructor(code: 400 | 500, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The caller's fault. */
export function clientError(message: string): ApiError {
  return new ApiError(400, message);
}

/** The server's fault, or the target's. */
export function serverError(message: string, cause?: unknown): ApiError {
  return new ApiError(500, message, { cause });
}

/** What an error says for people; anything may be thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
