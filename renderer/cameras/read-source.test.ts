import { describe, expect, it } from 'vitest';
import { readSource } from './read-source.ts';

const read = (address: string, username = '', password = '') => readSource({ address, username, password });

describe('readSource', () => {
  it('takes an invite, with what pasting brings along', () => {
    expect(read('  keyhole:abc\n').source).toEqual({ kind: 'p2p', invite: 'keyhole:abc' });
  });

  it('takes an RTSP address, with user and password only where given', () => {
    expect(read('rtsp://10.0.0.5/live').source).toEqual({ kind: 'rtsp', url: 'rtsp://10.0.0.5/live' });
    expect(read('RTSPS://10.0.0.5/live', 'anna', 'secret').source).toMatchObject({ kind: 'rtsp', username: 'anna', password: 'secret' });
  });

  it.each(['', '   ', 'hello', 'http://10.0.0.5', 'rtsp://'])('says at its field what is wrong with %o', (address) => {
    const { source, faults } = read(address);
    expect(source).toBeUndefined();
    expect(faults.address).toMatch(/invite|address/);
  });
});
