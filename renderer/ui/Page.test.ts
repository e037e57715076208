import { createRawSnippet, flushSync, mount, unmount } from 'svelte';
import { afterEach, expect, it } from 'vitest';
import Page from './Page.svelte';

let page: ReturnType<typeof mount> | undefined;
afterEach(async () => {
  if (page) await unmount(page);
  document.body.replaceChildren();
});

it('is left by Escape, but not by who types a word', () => {
  let left = 0;
  const children = createRawSnippet(() => ({ render: () => '<div><input id="word" /><input id="box" type="checkbox" /></div>' }));
  page = mount(Page, {
    target: document.body,
    props: { testid: 'settings', width: 720, gap: 's4', onleave: () => void (left += 1), children },
  });
  flushSync();
  const escape = (id: string) => document.getElementById(id)?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
  escape('word');
  expect(left).toBe(0);
  escape('box');
  expect(left).toBe(1);
});
