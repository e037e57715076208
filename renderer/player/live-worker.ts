import { workerPortSource } from '../api/connect.ts';
import { EngineLink } from '../api/engine-link.ts';
import { isLiveCommand, type LiveReport } from './live-messages.ts';
import { LiveTile } from './live-tile.ts';

const link = new EngineLink(workerPortSource());
const tiles = new Map<number, LiveTile>();
const report = (message: LiveReport) => self.postMessage(message);

link.onClient((client) => {
  for (const tile of tiles.values()) tile.connected(client);
});

self.addEventListener('message', (event: MessageEvent<unknown>) => {
  const command = event.data;
  if (!isLiveCommand(command)) return;
  if (command.live === 'open') {
    link.start();
    const tile = new LiveTile(command.tile, command.camera, command.surface, report);
    tiles.set(command.tile, tile);
    const stop = link.onClient((client) => tile.connected(client));
    stop();
  } else if (command.live === 'pause') tiles.get(command.tile)?.pause();
  else if (command.live === 'resume') tiles.get(command.tile)?.resume();
  else {
    tiles.get(command.tile)?.close();
    tiles.delete(command.tile);
  }
});
