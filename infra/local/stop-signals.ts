/** Calls `stop` at the first SIGINT or SIGTERM and ends the process when it is done; a second signal ends it at once.
 *  Replicators notice the end of this process by themselves. */
export function onStopSignals(stop: (signal: string) => Promise<void>): void {
  let stopping = false;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    const code = signal === 'SIGINT' ? 130 : 143;
    if (stopping) process.exit(code);
    stopping = true;
    stop(signal).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
