import { it } from 'vitest';
import { describePage, moby } from './lab-page';
import { violations } from './axe';
import { writeFileSync } from 'node:fs';
describePage('scan', (open) => {
  it('scans', async () => {
    const out: string[] = [];
    for (const tab of ['loss', 'tokens', 'temperature', 'completions', 'compare'])
      for (const theme of ['dark', 'light', 'hc', 'hc-light'])
        for (const run of ['moby', 'spam'])
        {
          if (tab === 'completions' && run === 'spam') continue;
          const page = await open({ run, theme, state: JSON.stringify({ tab, id: moby.run.id, position: 8 }) });
          await page.locator('main').waitFor();
          await page.waitForTimeout(600);
          if (tab === 'completions') { await page.locator('#prompt textarea').fill('Call me'); await page.locator('#continue').click(); await page.locator('lab-surprises').first().waitFor(); }
          const v = await violations(page);
          out.push(`## ${tab} ${theme} ${run}: ${v.length}`, ...v);
          await page.close();
        }
    writeFileSync('/tmp/b-axe.txt', out.join('\n'));
  }, 300000);
});
