/** What the preload gives the page as `window.keyhole`. Missing in a browser, where the page opens a WebSocket instead. */
export interface DesktopBridge {
  /**
   * Asks for a connection to the engine and returns its number at once. The port arrives in a `message` event of the
   * window: `event.source === window`, `event.data` is a PortArrival with that number, `event.ports[0]` the port.
   * It speaks the contract's messages as objects. When the engine dies the port closes and the page asks for another.
   */
  openPort(): number;
}

export interface PortArrival {
  readonly keyhole: 'port';
  readonly id: number;
}
