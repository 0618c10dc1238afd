import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';

/** The Chromium to test with: the one that `CHROMIUM` names, else Debian's; undefined if there is none. */
export function findChromium(): string | undefined {
  return [process.env.CHROMIUM, '/usr/bin/chromium'].find(
    (path) => path !== undefined && existsSync(path),
  );
}

/** The side effects of a page. */
export interface WatchedPage {
  readonly page: Page;
  /** Addresses that the page asked for. */
  readonly requested: string[];
  /** Errors of scripts, and what the console says of refused content. */
  readonly faults: string[];
}

/** Opens an empty page in a headless Chromium with a new profile, which resolves no names. */
export async function openPage(t: Test, executablePath: string): Promise<WatchedPage> {
  const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    chromiumSandbox: false,
    viewport: { width: 1280, height: 1600 },
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
  t.teardown(async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const requested: string[] = [];
  const faults: string[] = [];
  page.on('request', (request) => void requested.push(request.url()));
  page.on('pageerror', (error) => void faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  return { page, requested, faults };
}
