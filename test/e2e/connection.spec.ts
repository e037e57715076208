import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { addByInvite, addSilent, expect, expectAccessible, test, tile } from './fixtures.ts';

/** Opens the connection panel of a camera by the keyboard, as a person who knows the keys does. */
async function openPanel(page: Page, name: string): Promise<void> {
  await tile(page, name).click();
  await expect(page.getByTestId('camera-view')).toBeFocused();
  await page.keyboard.press('c');
  await expect(page.getByTestId('connection-panel')).toBeVisible();
}

test('a camera tells by which way it is reached, now and before, and keeps what it may spend on relays', async ({ site, openApp }) => {
  await site.startRendezvous();
  const { invite, program } = await site.startCamera('Yard', 'test:?fps=5');
  const page = await openApp();
  await addByInvite(page, invite);
  await expect(tile(page, 'Yard')).toHaveAttribute('data-state', 'live');
  await expect(tile(page, 'Yard').getByTestId('tile-path')).toHaveAttribute('data-path', 'Direct');
  await expect(tile(page, 'Yard').getByTestId('tile-lan')).toBeVisible();

  await openPanel(page, 'Yard');
  await expect(page.getByTestId('path-now')).toHaveAttribute('data-kind', /host|srflx|prflx/);
  await expect(page.getByTestId('path-now')).toContainText('Direct');
  await expect(page.getByTestId('path-why')).toContainText(/\w+/);
  await expect(page.getByTestId('path-figures')).toContainText(/Round trip\s*\d+ ms/);
  await expect(page.getByTestId('path-figures')).toContainText(/[\d,]+ kbit\/s/);
  await expect(page.getByTestId('path-shares').locator('[data-way=direct]')).toContainText(/\d+ s|\d+ min/);
  await expect(page.getByTestId('path-shares').locator('[data-way=before]')).toContainText('23 h');
  await expect(page.getByTestId('path-history')).toHaveAttribute('aria-label', /Direct, \d+/);

  await page.getByTestId('relay-budget').check();
  await page.getByTestId('relay-gigabytes').fill('a lot');
  await page.getByTestId('relay-save').click();
  await expect(page.getByTestId('relay-fault')).toContainText('gigabytes');
  await expect(page.getByTestId('relay-gigabytes')).toBeFocused();
  await expectAccessible(page);
  await page.getByTestId('relay-gigabytes').fill('2.5');
  await page.getByTestId('relay-save').click();
  await expect(page.getByTestId('relay-saved')).toHaveText('Saved');
  await expect(page.getByTestId('relay-used')).toContainText('0 B of 2.5 GB');
  await page.reload();
  await expect(page.getByTestId('relay-budget')).toBeChecked();
  await expect(page.getByTestId('relay-gigabytes')).toHaveValue('2.5');
  await expectAccessible(page);

  await program.kill();
  await expect(page.getByTestId('path-now')).toContainText('No connection', { timeout: 40_000 });
  await expect(page.getByTestId('path-why')).toContainText(/camera/i);
  await expect(page.getByTestId('path-shares').locator('[data-way=none]')).toBeVisible();
  await page.getByTestId('connection-panel').getByText('Each change').click();
  await expect(page.getByTestId('connection-panel')).toContainText(/Not reached for \d+ s: .*camera/i);
  await page.getByTestId('close-connection').click();
  await expect(page.getByTestId('connection-panel')).toBeHidden();
});

test('a camera that is relayed says so on its tile and why, and what went through the relay is counted', async ({ site, openApp }) => {
  const secret = 'a secret of this test alone';
  const file = join(site.dir, 'turn-secret');
  writeFileSync(file, secret, { mode: 0o600 });
  const relay = ['--turn', '--turn-secret-file', file, '--relay-address', '127.0.0.1', '--relay-allow-private'];
  const rendezvous = site.run('rendezvous', '--port', '0', '--stun-port', '0', '--bind', '127.0.0.1', ...relay);
  const { url, stunPort } = await rendezvous.event('listening');
  site.rendezvousUrl = String(url);
  // The TURN REST scheme: a name that says until when it is good, and its HMAC.
  const user = String(Math.floor(Date.now() / 1000) + 3600);
  const password = encodeURIComponent(createHmac('sha1', secret).update(user).digest('base64'));
  const turn = `turn:${user}:${password}@127.0.0.1:${String(stunPort)}`;
  const { invite } = await site.startCamera('Roof', 'test:?fps=5', '--ice-policy', 'relay', '--turn', turn);

  const page = await openApp();
  await addByInvite(page, invite);
  const roof = tile(page, 'Roof');
  await expect(roof).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
  await expect(roof.getByTestId('tile-path')).toHaveAttribute('data-path', 'Relayed');
  await expect(roof.getByTestId('tile-path')).toHaveAttribute('title', /relay/);
  await openPanel(page, 'Roof');
  await expect(page.getByTestId('path-now')).toHaveAttribute('data-kind', 'relay');
  await expect(page.getByTestId('path-why')).toContainText('Relayed');
  await expect(page.getByTestId('path-shares').locator('[data-way=relayed]')).toBeVisible();
  await expect(page.getByTestId('relay-used')).toContainText(/[1-9]\d* kB|[\d.]+ MB/);
  await expect(page.getByTestId('pair-table').locator('tr[data-state=succeeded]').first()).toContainText(/relay.*In use/s);
  await expectAccessible(page);
});

test('a camera without peer-to-peer says so, and has no relay to set', async ({ openApp }) => {
  const page = await openApp();
  await addSilent(page, 'Gate');
  await openPanel(page, 'Gate');
  await expect(page.getByTestId('path-now')).toHaveAttribute('data-kind', 'none');
  await expect(page.getByTestId('path-why')).toContainText(/refuses|does not answer|[Cc]onnect/);
  await expect(page.getByTestId('relay-form')).toBeHidden();
  await expectAccessible(page);
});

test('the network page looks when asked to, leads to each camera, and keeps what may be spent on a direct way', async ({
  site,
  openApp,
}) => {
  await site.startRendezvous();
  const { invite } = await site.startCamera('Till', 'test:?fps=5');
  const page = await openApp();
  await addByInvite(page, invite);
  await expect(tile(page, 'Till')).toHaveAttribute('data-state', 'live');

  await page.getByTestId('go-network').press('Enter');
  await expect(page.getByTestId('network')).toBeVisible();
  await page.getByTestId('nat-refresh').click();
  await expect(page.getByTestId('nat-refresh')).toBeEnabled({ timeout: 60_000 });
  await expect(page.getByTestId('nat-when')).toContainText('Looked');
  await expect(page.getByTestId('mapping-table')).toContainText(/127\.0\.0\.1:\d+/);
  await expect(page.getByTestId('nat-facts')).toContainText(/Mapping\s*No translation/);
  await expect(page.getByTestId('nat-outlook')).toContainText('direct');
  const way = page.getByTestId('camera-way');
  await expect(way).toContainText('Till');
  await expect(way).toContainText(/Direct/);
  await expectAccessible(page);

  await page.getByTestId('nat-probes').fill('2000');
  await page.getByTestId('nat-save').click();
  await expect(page.getByTestId('nat-probes-error')).toContainText('1024');
  await expect(page.getByTestId('nat-probes')).toBeFocused();
  await expectAccessible(page);
  await page.getByTestId('nat-probes').fill('256');
  await page.getByTestId('nat-port-mapping').uncheck();
  await page.getByTestId('nat-save').click();
  await expect(page.getByTestId('nat-saved')).toContainText('Saved');
  await page.reload();
  await expect(page.getByTestId('nat-probes')).toHaveValue('256');
  await expect(page.getByTestId('nat-port-mapping')).not.toBeChecked();

  await way.getByRole('link').press('Enter');
  await expect(page.getByTestId('connection-panel')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(tile(page, 'Till')).toBeFocused();
});

test('a camera that no server leads to is added by two texts', async ({ site, openApp }) => {
  const state = join(site.dir, 'camera-Cellar');
  const camera = site.run('camera', '--source', 'test:?fps=5', '--name', 'Cellar', '--no-lan', '--by-hand', '--state', state);
  const invite = String((await camera.event('pairing')).invite);
  const page = await openApp();
  await page.getByTestId('add-camera').click();
  await page.getByTestId('by-hand-toggle').press('Enter');
  await page.getByTestId('by-hand-make').click();
  await expect(page.getByTestId('add-address-error')).toContainText('invite');
  await expect(page.getByTestId('add-address')).toBeFocused();
  await page.getByTestId('add-address').fill(invite);
  await page.getByTestId('by-hand-make').click();
  const offer = page.getByTestId('by-hand-offer');
  await expect(offer).toHaveValue(/^keyhole-offer:\S+$/);
  await page.getByTestId('by-hand').getByText('Show as a QR code').click();
  await expect(page.getByTestId('by-hand-qr')).toBeVisible();
  await expectAccessible(page);
  await page.getByTestId('by-hand-answer').fill('keyhole-answer:nonsense');
  await page.getByTestId('by-hand-connect').click();
  await expect(page.getByTestId('by-hand-answer-error')).toContainText('answer');

  camera.child.stdin?.write(`${await offer.inputValue()}\n`);
  const { answer } = await camera.event('answer');
  await page.getByTestId('by-hand-answer').fill(String(answer));
  await page.getByTestId('by-hand-connect').click();
  await expect(page.getByTestId('add-camera-dialog')).toBeHidden();
  await expect(tile(page, 'Cellar')).toHaveAttribute('data-state', 'live');
});
