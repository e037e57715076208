import { MessageChannelMain, type IpcMain, type IpcMainEvent, type MessagePortMain } from 'electron';
import type { Log } from '../base/log.ts';
import type { Port } from '../contract/wire.ts';
import { fromMainPort } from '../engine/ports.ts';
import { OPEN_PORT, PORT_ARRIVED, UI_PREFIX } from './channels.ts';

type Connect = (port: MessagePortMain) => Promise<void>;

/**
 * Gives the page its ports: one end to the engine, the other to the page, which then talk without main. Only our own
 * page's main frame is answered. When the engine cannot be had the page's end closes, and the page asks again.
 */
export function brokerPorts(ipcMain: IpcMain, connect: Connect, log: Log): void {
  ipcMain.on(OPEN_PORT, (event, id: unknown) => {
    if (!isOurPage(event) || !Number.isSafeInteger(id)) {
      log.warn('a request for a port was not from our page and is ignored', { from: event.senderFrame?.url.slice(0, 200) });
      return;
    }
    const { port1, port2 } = new MessageChannelMain();
    event.sender.postMessage(PORT_ARRIVED, id, [port1]);
    connect(port2).catch((error: unknown) => {
      log.warn(`a page's port was not connected: ${String(error)}`);
      port2.close();
    });
  });
}

/** A port of main's own. */
export async function openMainPort(connect: Connect): Promise<Port> {
  const { port1, port2 } = new MessageChannelMain();
  await connect(port2);
  return fromMainPort(port1);
}

function isOurPage(event: IpcMainEvent): boolean {
  const frame = event.senderFrame;
  return frame !== null && frame === event.sender.mainFrame && frame.url.startsWith(UI_PREFIX);
}
