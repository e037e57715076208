/**
 * What Electron's renderer gives a sandboxed preload, as source text for Chromium. The preload runs in a real isolated
 * world; only what passes through the document's events, as text, reaches the page's world, like the context bridge.
 */

/** In the page's world: builds what the preload exposes. */
const mainWorld = `(() => {
  document.addEventListener('standin-expose', (exposed) => {
    const { key, methods } = JSON.parse(exposed.detail);
    const api = {};
    for (const method of methods) {
      api[method] = (...args) => {
        let answer;
        const listen = (returned) => (answer = JSON.parse(returned.detail));
        document.addEventListener('standin-return', listen, { once: true });
        document.dispatchEvent(new CustomEvent('standin-call', { detail: JSON.stringify({ key, method, args }) }));
        if (answer.error) throw new Error(answer.error);
        return answer.value;
      };
    }
    Object.defineProperty(window, key, { value: Object.freeze(api) });
  });
})();`;

/** In the isolated world: electron's two modules, a socket to main, and the preload inside a function of its own. */
const isolatedWorld = (preload: string) => `((preload) => {
  if (window.top !== window || location.hostname !== 'ui.localhost') return;
  const socket = new WebSocket('ws://' + location.host + '/__standin');
  socket.binaryType = 'arraybuffer';
  const waiting = [location.href];
  const send = (data) => (socket.readyState === 1 ? socket.send(data) : waiting.push(data));
  socket.onopen = () => waiting.splice(0).forEach((data) => socket.send(data));
  const listeners = new Map();
  const ports = new Map();
  const arrive = ({ channel, message, ports: ids }) => {
    const arrived = ids.map((id) => {
      const { port1, port2 } = new MessageChannel();
      ports.set(id, port1);
      port1.onmessage = (event) => send(JSON.stringify({ t: 'data', port: id, data: event.data }));
      port1.addEventListener('close', () => ports.delete(id) && send(JSON.stringify({ t: 'gone', port: id })));
      return port2;
    });
    for (const listener of listeners.get(channel) ?? []) listener({ ports: arrived }, message);
  };
  socket.onmessage = ({ data }) => {
    if (typeof data !== 'string') {
      const id = new Uint32Array(data, 0, 1)[0];
      const length = new DataView(data).getUint32(4);
      const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 8, length)));
      const bytes = new Uint8Array(data.slice(8 + length));
      ports.get(id)?.postMessage({ ...header, bytes }, [bytes.buffer]);
      return;
    }
    const message = JSON.parse(data);
    if (message.t === 'ipc') arrive(message);
    else if (message.t === 'data') ports.get(message.port)?.postMessage(message.data);
    else if (ports.has(message.port)) {
      const port = ports.get(message.port);
      ports.delete(message.port);
      port.close();
    }
  };
  const exposed = new Map();
  const plain = (value) => {
    if (value !== null && typeof value === 'object' && ![Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value))) {
      throw new TypeError('An object could not be cloned.');
    }
    return value;
  };
  document.addEventListener('standin-call', (call) => {
    const { key, method, args } = JSON.parse(call.detail);
    let answer;
    try {
      answer = { value: plain(exposed.get(key)[method](...args)) };
    } catch (error) {
      answer = { error: String(error) };
    }
    document.dispatchEvent(new CustomEvent('standin-return', { detail: JSON.stringify(answer) }));
  });
  const electron = {
    ipcRenderer: {
      on: (channel, listener) => listeners.set(channel, [...(listeners.get(channel) ?? []), listener]),
      send: (channel, ...args) => send(JSON.stringify({ t: 'ipc', channel, args })),
    },
    contextBridge: {
      exposeInMainWorld: (key, api) => {
        exposed.set(key, api);
        document.dispatchEvent(new CustomEvent('standin-expose', { detail: JSON.stringify({ key, methods: Object.keys(api) }) }));
      },
    },
  };
  const require = (name) => {
    if (name === 'electron') return electron;
    throw new Error('module not found: ' + name);
  };
  preload(require, { exports: {} }, {});
})(function (require, module, exports) {
${preload}
});`;

export const pageShim = { mainWorld, isolatedWorld };
