/** One test of the suite and how it ended. */
export interface Result {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly seconds: number;
  /** First line of what pytest says; empty when it passed. */
  readonly why: string;
}

/** Reads pytest's JUnit file. */
export function readResults(xml: string): Result[] {
  return [...xml.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)].map(
    ([, attributes = '', body = '']) => {
      const [, kind, inner = ''] = /<(failure|error|skipped)\b([^>]*)/s.exec(body) ?? [];
      return {
        name: attribute(attributes, 'name'),
        outcome: kind === undefined ? 'passed' : kind === 'skipped' ? 'skipped' : 'failed',
        seconds: Math.round(Number(attribute(attributes, 'time'))),
        why: attribute(inner, 'message').split('\n')[0]?.slice(0, 300) ?? '',
      };
    },
  );
}

function attribute(text: string, name: string): string {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`, 's').exec(text)?.[1] ?? '';
  return value
    .replaceAll('&#10;', '\n')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}
