const LOOK_EVERY_MS = 500;

/**
 * npm passes signals on to us, but one that is killed outright leaves us running with nobody who knows of us. When our parent
 * changes we stop as if we had been sent the signal.
 */
export function stopWhenOrphaned(): void {
  if (process.platform === 'win32' || !process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.emit('SIGTERM', 'SIGTERM');
  }, LOOK_EVERY_MS);
  timer.unref();
}
