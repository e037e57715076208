import { contextBridge, ipcRenderer } from 'electron';
import { OPEN_PORT, PORT_ARRIVED } from './app/channels.ts';
import type { DesktopBridge, PortArrival } from './contract/bridge.ts';

let ports = 0;

/** Ports cannot cross the context bridge: they are posted to the page's own window, and to our origin only. */
ipcRenderer.on(PORT_ARRIVED, (event, id: number) => {
  const arrival: PortArrival = { keyhole: 'port', id };
  window.postMessage(arrival, window.location.origin, [...event.ports]);
});

const bridge: DesktopBridge = {
  openPort: () => {
    ports += 1;
    ipcRenderer.send(OPEN_PORT, ports);
    return ports;
  },
};
contextBridge.exposeInMainWorld('keyhole', bridge);
