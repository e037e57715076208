/** Our own icons: paths on a 24 x 24 grid, 1.75 wide strokes unless `fill`. */
export const ICONS = {
  keyhole: { fill: true, d: 'M12 3.5a5.4 5.4 0 0 0-2.8 10L7.6 20.5h8.8l-1.6-7a5.4 5.4 0 0 0-2.8-10Z' },
  plus: { d: 'M12 5v14M5 12h14' },
  back: { d: 'M15 5l-7 7 7 7' },
  forward: { d: 'M9 5l7 7-7 7' },
  close: { d: 'M6 6l12 12M18 6L6 18' },
  settings: { d: 'M4 7h9M19 7h1M4 17h1M11 17h9M13 7a3 3 0 1 0 6 0 3 3 0 1 0-6 0M5 17a3 3 0 1 0 6 0 3 3 0 1 0-6 0' },
  play: { fill: true, d: 'M8 5.2v13.6c0 .8.9 1.3 1.6.8l10-6.8c.6-.4.6-1.2 0-1.6l-10-6.8c-.7-.5-1.6 0-1.6.8Z' },
  pause: {
    fill: true,
    d: 'M8 5h1.5c.6 0 1 .4 1 1v12c0 .6-.4 1-1 1H8c-.6 0-1-.4-1-1V6c0-.6.4-1 1-1ZM14.500 5H16c.6 0 1 .4 1 1v12c0 .6-.4 1-1 1h-1.500c-.6 0-1-.4-1-1V6c0-.6.4-1 1-1Z',
  },
  stepBack: { d: 'M15.500 6v12L7 12Z' },
  stepForward: { d: 'M8.500 6v12L17 12Z' },
  previous: { d: 'M12.500 6.500v11L6.500 12ZM20.500 6.500v11L14.500 12ZM3.500 6v12' },
  next: { d: 'M11.500 6.500v11l6-5.500ZM3.500 6.500v11l6-5.500ZM20.500 6v12' },
  fullscreen: { d: 'M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4' },
  calendar: { d: 'M5 6h14a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1ZM4 10.500h16M8.500 3.500V8M15.500 3.500V8' },
  edit: { d: 'M4.500 19.500l1-4.500L16 4.500 19.500 8 9 18.500ZM13.500 7l3.500 3.500' },
  trash: { d: 'M5 7h14M10 4h4M7 7l1 12.500h8L17 7M10.500 11v5M13.500 11v5' },
  camera: { d: 'M4 7.500h11a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1ZM16 11l5-3v8l-5-3' },
  warning: { d: 'M12 4.500L21 19.500H3ZM12 10v4.500M12 17v.200' },
  info: { d: 'M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17ZM12 11v5M12 7.800v.200' },
  zoomIn: { d: 'M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13ZM15.500 15.500L20 20M7.500 10.500h6M10.500 7.500v6' },
  zoomOut: { d: 'M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13ZM15.500 15.500L20 20M7.500 10.500h6' },
} as const satisfies Record<string, { d: string; fill?: boolean }>;

export type IconName = keyof typeof ICONS;
