/** @file The Lab's five tabs by keyboard alone, and with motion reduced. */

import { beforeAll, describe, expect, it } from 'vitest';
import { openLab, refusals, tabNames } from './lab-window';
import { sampleWorkspace } from './real-runs';
import { plain, Workbench } from './workbench';

/** Stops of the Tab key after which something ought to have come. */
const mostStops = 60;

describe('the Lab', () => {
  let window: Workbench;
  beforeAll(async () => {
    window = await Workbench.open(sampleWorkspace('moby'), { theme: 'dark' });
  });

  it('is worked by keyboard alone, in each of its tabs', async () => {
    const { lab, page } = window;
    await openLab(window, 'moby', 'T 2 · α .5');
    const press = (...keys: string[]): Promise<void> =>
      keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    /** Goes on with the Tab key until the focus is on, or in, what is looked for. */
    const tabTo = async (selector: string): Promise<void> => {
      for (let stop = 0; stop < mostStops; stop++) {
        if (await lab.locator('body').evaluate(isFocused, selector)) return;
        await press('Tab');
      }
      throw new Error(`The Tab key does not lead to ${selector}.`);
    };
    const selected = (): Promise<string> => lab.getByRole('tab', { selected: true }).innerText();
    /** Back to the list of tabs, and on to the next. */
    const nextTab = async (): Promise<void> => {
      await tabTo('[role=tab]');
      await press('ArrowRight');
    };

    await lab.getByRole('tab', { name: 'Loss' }).focus();
    await lab.locator('lab-figure canvas').first().waitFor();
    await tabTo('#total');
    await press('Home');
    expect(await lab.locator('#total').getAttribute('aria-valuetext')).toMatch(/^step \d+: /);
    await press('t');
    await lab.locator('lab-figure table').first().waitFor();
    await press('t');

    await nextTab();
    expect(await selected()).toBe('Tokens');
    await lab.locator('lab-distribution .body').first().waitFor();
    await tabTo('lab-chips [role=option]');
    await press(']', 'ArrowRight', 'ArrowRight', ',');
    expect(await lab.locator('lab-examples .example').nth(1).getAttribute('aria-selected')).toBe('true');
    expect(await lab.locator('lab-chips [role=option]').nth(2).getAttribute('aria-selected')).toBe('true');
    await press('=');
    expect(Number(await lab.locator('lab-temperature output').textContent())).toBeGreaterThan(2);
    await press('t');
    await lab.locator('lab-tokens figure table').first().waitFor();
    await press('t');

    await nextTab();
    expect(await selected()).toBe('Temperature');
    await lab.locator('lab-curve svg').nth(2).waitFor();
    await tabTo('lab-temperature input');
    await press('Home');
    expect(plain(await lab.locator('#big-t').textContent())).toBe('0.25');

    await nextTab();
    expect(await selected()).toBe('Completions');
    await tabTo('#prompt');
    await page.keyboard.type('The whale');
    await press('Control+Enter');
    await lab.locator('lab-surprises').first().waitFor();
    await tabTo('lab-completion [role=option]');
    await press('ArrowRight');
    expect(await lab.locator('lab-completion [role=option]').nth(1).getAttribute('aria-selected')).toBe('true');

    await nextTab();
    expect(await selected()).toBe('Compare');
    await lab.locator('lab-disagreements .place .link').first().waitFor();
    await tabTo('lab-disagreements .place .link');
    const place = plain(await lab.locator('lab-disagreements .place .link').first().textContent());
    await press('Enter');
    await page.getByRole('tab', { name: place.split(':')[0]! }).waitFor();
    expect(await refusals(window)).toEqual([]);
  });

  it('names its parts for who listens, and stands still where motion is reduced', async () => {
    const { lab, page } = window;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await openLab(window, 'moby', 'T 2 · α .5');
    for (const name of tabNames) {
      await lab.getByRole('tab', { name }).click();
      await lab.locator('main figure, main textarea').first().waitFor();
      for (const role of ['button', 'slider', 'checkbox', 'radio', 'textbox', 'combobox', 'table'] as const) {
        expect(await lab.getByRole(role, { name: /^$/ }).count(), `${name}: ${role} without a name`).toBe(0);
      }
      for (const drawing of await lab.locator('[role=img]').all()) {
        expect(await drawing.getAttribute('aria-label')).toMatch(/./);
      }
    }
    await lab.getByRole('tab', { name: 'Tokens' }).click();
    await lab.locator('#play').click();
    expect(await lab.locator('body').evaluate(movingParts)).toEqual([]);
    expect(await refusals(window)).toEqual([]);
  });
});

interface Element {
  shadowRoot: Root | null;
  matches: (selector: string) => boolean;
  parentElement: Element | null;
  getRootNode: () => Root & { host?: Element };
  localName: string;
}

interface Root {
  activeElement: Element | null;
  querySelectorAll: (selector: string) => Iterable<Element>;
}

/** Runs in the page: whether the focus is on an element, or within one, that the selector's last part fits, in its host. */
function isFocused(body: { ownerDocument: Root }, selector: string): boolean {
  let element = body.ownerDocument.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  const parts = selector.split(' ').reverse();
  for (let at = element; at && parts.length > 0; at = at.parentElement ?? at.getRootNode().host ?? null) {
    if (at.matches(parts[0]!)) parts.shift();
  }
  return parts.length === 0;
}

/** Runs in the page: parts that would move, by their styles. */
function movingParts(body: { ownerDocument: Root }): string[] {
  const { getComputedStyle } = globalThis as unknown as {
    getComputedStyle: (element: Element) => { animationName: string; transitionDuration: string };
  };
  const all = (root: Root): Element[] =>
    [...root.querySelectorAll('*')].flatMap((element) => [
      element,
      ...(element.shadowRoot ? all(element.shadowRoot) : []),
    ]);
  return all(body.ownerDocument)
    .filter((element) => element.localName.startsWith('lab-') || element.localName === 'i')
    .filter((element) => {
      const { animationName, transitionDuration } = getComputedStyle(element);
      return animationName !== 'none' || transitionDuration.split(', ').some((time) => time !== '0s');
    })
    .map(({ localName }) => localName);
}
