/** @file Reports with a chapter for each processor: what one machine measures leaves the figures of others as they are. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { machine } from './machine';

const chaptersOf = (report: string): string[] =>
  existsSync(report)
    ? readFileSync(report, 'utf8')
        .split(/^(?=## )/m)
        .slice(1)
    : [];

function ownTitle(): string {
  const { processor, instructions } = machine(os.availableParallelism());
  return `## ${processor}, ${instructions}\n`;
}

/** What a report says of this processor, below its title; empty where that is nothing. */
export function ownChapter(report: string): string {
  const title = ownTitle();
  return (
    chaptersOf(report)
      .find((text) => text.startsWith(title))
      ?.slice(title.length) ?? ''
  );
}

/** Puts this processor's chapter in place of its last one, before all others. */
export function writeOwnChapter(report: string, head: string, body: string): void {
  const title = ownTitle();
  const others = chaptersOf(report).filter((text) => !text.startsWith(title));
  const parts = [head, `${title}\n${body}`, ...others];
  writeFileSync(report, parts.map((text) => `${text.trimEnd()}\n`).join('\n'));
  console.log(`Written to ${report}.`);
}
