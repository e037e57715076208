import './ui/tokens.css';
import './ui/base.css';
import './ui/controls.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { connectWorker, pagePortSource } from './api/connect.ts';
import { LivePool } from './player/live-pool.ts';
import { AppState } from './state/app-state.ts';

const live = new LivePool(() => {
  const worker = new Worker(new URL('./player/live-worker.ts', import.meta.url), { type: 'module', name: 'live' });
  connectWorker(worker);
  return worker;
});
const app = new AppState(pagePortSource(), live, localStorage);
const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
mount(App, { target, props: { app } });
app.link.start();
