import { flushSync } from 'svelte';
import { afterEach, describe, expect, it } from 'vitest';
import { Drafts } from './drafts.ts';
import { SavedForm } from './saved-form.svelte.ts';

interface Typed {
  days: string;
}

let close: (() => void) | undefined;
afterEach(() => close?.());

function open(stored: { days: string }, drafts = new Drafts()): SavedForm<Typed> {
  let form: SavedForm<Typed> | undefined;
  close = $effect.root(() => {
    form = new SavedForm(() => ({ days: stored.days }), { drafts, key: 'keep cam-a' });
  });
  flushSync();
  return form!;
}

describe('a form of what is stored', () => {
  it('follows what another window stores until something is changed, and can be undone to it', () => {
    const stored = $state({ days: '7' });
    const form = open(stored);
    stored.days = '8';
    flushSync();
    expect(form.value).toEqual({ days: '8' });
    form.value.days = '30';
    stored.days = '9';
    flushSync();
    expect(form.value).toEqual({ days: '30' });
    expect(form.changed).toBe(true);
    form.undo();
    expect(form.value).toEqual({ days: '9' });
    expect(form.changed).toBe(false);
  });

  it('keeps what the engine refuses, with its reason, and says saved until it is touched', async () => {
    const form = open({ days: '7' });
    form.value.days = '30';
    await form.save(() => Promise.reject(new Error('The disk is full.')));
    expect(form).toMatchObject({ failure: 'The disk is full.', saved: false, changed: true, busy: false, value: { days: '30' } });
    await form.save(() => Promise.resolve());
    expect(form).toMatchObject({ failure: null, saved: true, changed: false });
    form.touched();
    expect(form.saved).toBe(false);
  });

  it('finds what was typed and not saved when it is opened again, and nothing that was saved', async () => {
    const drafts = new Drafts();
    const first = open({ days: '7' }, drafts);
    first.value.days = '30';
    flushSync();
    close?.();
    const second = open({ days: '7' }, drafts);
    expect([second.value.days, second.changed]).toEqual(['30', true]);
    await second.save(() => Promise.resolve());
    close?.();
    const third = open({ days: '30' }, drafts);
    expect([third.value.days, third.changed]).toEqual(['30', false]);
    expect(drafts.take('keep cam-a')).toBeUndefined();
  });
});

it('keeps a bounded number of drafts', () => {
  const drafts = new Drafts();
  for (let i = 0; i < 500; i += 1) drafts.put(`form ${i}`, i);
  expect(drafts.take('form 0')).toBeUndefined();
  expect(drafts.take('form 400')).toBe(400);
});
