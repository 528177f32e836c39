import { z } from 'zod';

/** The variables of a process or a Lambda. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that holds JSON; the message never quotes it. */
export const jsonText = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue('is not JSON');
    return z.NEVER;
  }
});

/** Every variable that is wrong and why, never its value; for the end of a sentence. */
export function wrongVariables(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}
