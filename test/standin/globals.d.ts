import type { DesktopBridge } from '../../electron/contract/bridge.ts';

declare global {
  interface Window {
    readonly keyhole?: DesktopBridge;
  }
}
