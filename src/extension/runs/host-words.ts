/** @file A host in words: what was found there, and what is missing. */

import { l10n } from 'vscode';
import { formatBytes, formatCount } from '../../protocol/format';
import type { HostFacts, HostRecord } from '../../protocol/machine-records';
import { buttonsOf, showWithButtons, type Button } from '../base/problem-actions';
import { inEditorWords, inOneLine } from '../base/problem-words';

/** `2 × NVIDIA H100 80 GB`, `no GPU, 16 cores`. */
function computesWith({ gpus, cores }: HostFacts): string | undefined {
  if (gpus.length === 0) return cores === undefined ? undefined : l10n.t('no GPU, {0} cores', formatCount(cores));
  const counts = new Map<string, number>();
  for (const { name, bytes } of gpus) {
    const kind = `${name} ${formatBytes(bytes)}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${count} × ${kind}`)).join(', ');
}

/** Most wanted first: a narrow sidebar cuts off the end. */
export function factWords(found: HostFacts): string[] {
  const parts = [
    computesWith(found),
    found.torch && `PyTorch ${found.torch}`,
    found.freeBytes !== undefined && l10n.t('{0} free', formatBytes(found.freeBytes)),
  ];
  return parts.filter((part) => typeof part === 'string' && part !== '') as string[];
}

/** The line after a host's name. */
export function describeHost(record: HostRecord | undefined): string {
  if (!record) return l10n.t('not asked yet');
  const [problem] = record.problems;
  const missing =
    problem && (problem.code === 'torchrun-host-unreachable' ? l10n.t('not reached') : l10n.t('not ready'));
  return [missing, ...(record.found ? factWords(record.found) : [])].filter((part) => part !== undefined).join(' · ');
}

/** What is missing, in the editor's words, with what can be done about it. */
export async function showMissing({ name, problems }: HostRecord, again: () => Thenable<unknown>): Promise<void> {
  const words = problems.map((problem) => inOneLine(inEditorWords(problem)));
  const actions = problems.flatMap((problem) => problem.actions);
  const buttons: Button[] = [...buttonsOf(actions), { title: l10n.t('Ask Again'), press: again }];
  // The same may help against several.
  const different = buttons.filter(({ title }, i) => buttons.findIndex((one) => one.title === title) === i);
  await showWithButtons(l10n.t('Nothing can be trained on {0} yet. {1}', name, words.join(' ')), different);
}
