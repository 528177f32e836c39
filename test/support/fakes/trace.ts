/** Shows what happens in a simulation when `CDC_SIM_LOG` is set. */
export function trace(line: () => string): void {
  if (process.env['CDC_SIM_LOG'] !== undefined) process.stderr.write(`${line()}\n`);
}
