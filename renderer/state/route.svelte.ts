import type { CameraId } from '../../electron/contract/model.ts';

export type Place = { readonly view: 'wall' } | { readonly view: 'camera'; readonly id: CameraId } | { readonly view: 'settings' };

export function parsePlace(hash: string): Place {
  const [view, id] = hash.replace(/^#\/?/, '').split('/');
  if (view === 'camera' && id) return { view, id: decoded(id) };
  if (view === 'settings') return { view };
  return { view: 'wall' };
}

/** Typed by hand it may be anything: then it is nobody's id. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function placeHash(place: Place): string {
  if (place.view === 'camera') return `#/camera/${encodeURIComponent(place.id)}`;
  return place.view === 'settings' ? '#/settings' : '#/';
}

/** Where in the app we are: in the URL's hash, so that back, forward and reload do what they should. */
export class Route {
  #place = $state.raw<Place>({ view: 'wall' });

  constructor() {
    this.#place = parsePlace(location.hash);
    window.addEventListener('hashchange', () => (this.#place = parsePlace(location.hash)));
  }

  get place(): Place {
    return this.#place;
  }

  go(place: Place): void {
    location.hash = placeHash(place);
  }
}
