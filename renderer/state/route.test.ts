import { describe, expect, it } from 'vitest';
import { parsePlace, placeHash, type Place } from './route.svelte.ts';

describe('places', () => {
  it.each<Place>([
    { view: 'wall' },
    { view: 'settings' },
    { view: 'network' },
    { view: 'camera', id: 'cam-aaaaaaaa' },
    { view: 'camera', id: 'a/b ü' },
    { view: 'camera', id: 'cam-aaaaaaaa', panel: 'connection' },
  ])('come back from the address as they went in: %o', (place) => expect(parsePlace(placeHash(place))).toEqual(place));

  it('leave out a panel that there is not', () => {
    expect(parsePlace('#/camera/cam-aaaaaaaa/cellar')).toEqual({ view: 'camera', id: 'cam-aaaaaaaa' });
  });

  it.each(['', '#', '#/', '#/nothing', '#/camera', '#/camera/'])('take %o for the wall', (hash) =>
    expect(parsePlace(hash)).toEqual({ view: 'wall' }),
  );

  it('survive an address that is no address', () => {
    expect(parsePlace('#/camera/%E0%A4%A')).toEqual({ view: 'camera', id: '%E0%A4%A' });
  });
});
