import { afterEach, describe, expect, it } from 'vitest';
import { contractUrl, pagePortSource } from './connect.ts';

describe('contractUrl', () => {
  it('is on the page’s own origin', () => {
    expect(contractUrl({ protocol: 'http:', host: '127.0.0.1:8484' })).toBe('ws://127.0.0.1:8484/api/v1/contract');
    expect(contractUrl({ protocol: 'https:', host: 'nvr.example' })).toBe('wss://nvr.example/api/v1/contract');
  });
});

describe('in Electron', () => {
  afterEach(() => {
    Reflect.deleteProperty(window, 'keyhole');
  });

  it('takes the port with the number it was given, from this window only', async () => {
    Object.defineProperty(window, 'keyhole', { value: { openPort: () => 7 }, configurable: true });
    const opening = pagePortSource().open();
    const [wrong, right] = [new MessageChannel(), new MessageChannel()];
    const arrive = (data: unknown, port: MessagePort, source: Window | null) => {
      const event = new MessageEvent('message', { data });
      Object.defineProperties(event, { source: { value: source }, ports: { value: [port] } });
      window.dispatchEvent(event);
    };
    arrive({ keyhole: 'port', id: 7 }, wrong.port1, null);
    arrive({ keyhole: 'port', id: 8 }, wrong.port1, window);
    arrive('hello', wrong.port1, window);
    arrive({ keyhole: 'port', id: 7 }, right.port1, window);
    const port = await opening;
    const said = new Promise((resolve) => port.onMessage(resolve));
    right.port2.postMessage({ t: 'reply', id: 1, value: null });
    expect(await said).toEqual({ t: 'reply', id: 1, value: null });
    for (const { port1, port2 } of [wrong, right]) {
      port1.close();
      port2.close();
    }
  });
});
