import { expect, it } from 'vitest';
import { sourceInfo, splitRtspUrl } from './registry.ts';

it('user and password leave the address, whatever is in them', () => {
  expect(splitRtspUrl('rtsp://admin:p%40ss@10.0.0.2/live')).toEqual({ address: 'rtsp://10.0.0.2/live', user: 'admin', pass: 'p@ss' });
  expect(splitRtspUrl('rtsp://admin:50%off@10.0.0.2/live')).toEqual({ address: 'rtsp://10.0.0.2/live', user: 'admin', pass: '50%off' });
  expect(splitRtspUrl('rtsp://10.0.0.2/live')).toMatchObject({ user: undefined, pass: undefined });
  expect(() => splitRtspUrl('http://10.0.0.2/')).toThrow('not an RTSP address');
});

it('what is shown of a source holds no password', () => {
  const shown = sourceInfo({ kind: 'rtsp', url: 'rtsp://10.0.0.2/live', username: 'admin', password: 'hunter2' });
  expect(JSON.stringify(shown)).not.toContain('hunter2');
});
