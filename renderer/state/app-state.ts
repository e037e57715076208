import { createContext } from 'svelte';
import { EngineLink } from '../api/engine-link.ts';
import type { PortSource } from '../api/ports.ts';
import type { LiveScreens } from '../player/live-pool.ts';
import { Cameras } from './cameras.svelte.ts';
import { Connection } from './connection.svelte.ts';
import { Drafts } from './drafts.ts';
import { Nat } from './nat.svelte.ts';
import { Now } from './now.svelte.ts';
import { Preferences, type KeptValues } from './preferences.svelte.ts';
import { Route } from './route.svelte.ts';
import { StorageRoom } from './storage.svelte.ts';
import { Visibility } from './visibility.svelte.ts';

/** Everything the components show, made once by main.ts and handed down by context. */
export class AppState {
  readonly link: EngineLink;
  readonly connection: Connection;
  readonly cameras: Cameras;
  readonly nat: Nat;
  readonly storage: StorageRoom;
  readonly preferences: Preferences;
  readonly drafts = new Drafts();
  readonly route = new Route();
  readonly now = new Now();
  readonly visibility = new Visibility();
  readonly live: LiveScreens;

  constructor(ports: PortSource, live: LiveScreens, kept: KeptValues) {
    this.link = new EngineLink(ports);
    this.connection = new Connection(this.link);
    this.cameras = new Cameras(this.link);
    this.nat = new Nat(this.link, this.cameras);
    this.storage = new StorageRoom(this.link, this.cameras);
    this.preferences = new Preferences(kept);
    this.live = live;
  }
}

export const [useApp, provideApp] = createContext<AppState>();
