import type { PowerMonitor, PowerSaveBlocker } from 'electron';
import type { HostMessage } from '../engine/protocol.ts';

type PowerMessage = Extract<HostMessage, { kind: 'power' }>;

/** Tells the engine when the computer sleeps and wakes, and keeps it from falling asleep by itself: a recorder that sleeps records nothing. */
export function watchPower(monitor: PowerMonitor, blocker: PowerSaveBlocker, tell: (message: PowerMessage) => void): () => void {
  const suspend = () => tell({ kind: 'power', state: 'suspend' });
  const resume = () => tell({ kind: 'power', state: 'resume' });
  monitor.on('suspend', suspend);
  monitor.on('resume', resume);
  const block = blocker.start('prevent-app-suspension');
  return () => {
    monitor.off('suspend', suspend);
    monitor.off('resume', resume);
    blocker.stop(block);
  };
}
