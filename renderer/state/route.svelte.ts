import type { CameraId } from '../../electron/contract/model.ts';

/** What stands beside a camera's picture. */
export type CameraPanel = 'connection' | 'facts' | 'recording';

const PANELS: readonly string[] = ['connection', 'facts', 'recording'] satisfies CameraPanel[];

export type Place =
  | { readonly view: 'wall' }
  | { readonly view: 'camera'; readonly id: CameraId; readonly panel?: CameraPanel }
  | { readonly view: 'network' }
  | { readonly view: 'settings' };

export function parsePlace(hash: string): Place {
  const [view, id, panel] = hash.replace(/^#\/?/, '').split('/');
  if (view === 'camera' && id)
    return { view, id: decoded(id), ...(panel && PANELS.includes(panel) ? { panel: panel as CameraPanel } : {}) };
  if (view === 'settings' || view === 'network') return { view };
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
  if (place.view === 'camera') return `#/camera/${encodeURIComponent(place.id)}${place.panel ? `/${place.panel}` : ''}`;
  return place.view === 'wall' ? '#/' : `#/${place.view}`;
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

  /** The same place in other clothes: back does not lead to it. */
  adjust(place: Place): void {
    history.replaceState(null, '', placeHash(place));
    this.#place = place;
  }
}
