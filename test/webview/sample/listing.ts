/** @file What stands around a run: the runs of a sweep, prompts of its dataset. */

import type { PromptRow, RunListing, RunSnapshot } from '../../../src/protocol/lab-data';
import { begin } from './curves';
import { sentences } from './texts';

/** The workspace's runs: those of a sweep over T, the one that is shown among them. */
export function listing(shown: RunSnapshot): RunListing[] {
  const { progress: _, ...record } = shown.record;
  const quality = { 1: 19.6, 2: 18.9, 4: 18.2, 8: 19.1 };
  const points = Object.entries(quality).map(([T, perplexity], i): RunListing => {
    const isShown = T === '2';
    const sweep = { id: 'sweep', values: { 'distillation.temperature': Number(T) } };
    return {
      id: isShown ? shown.id : `20250507T0${i}0000_moby-dick-T-${T}`,
      record: {
        ...record,
        name: isShown ? record.name : `Moby Dick, T ${T}`,
        started: new Date(begin + i * 3_600_000).toISOString(),
        sweep,
      },
      label: `T ${T} · α .7`,
      best: shown.record.task === 'causal-lm' ? { perplexity } : { macroF1: 0.97 - 0.002 * i },
    };
  });
  return points;
}

export const samplePrompts: PromptRow[] = sentences.slice(0, 3).map((sentence, i) => ({
  file: 'data/moby-dick/test.jsonl',
  line: 1 + 41 * i,
  text: sentence.split(' ').slice(0, 7).join(' '),
}));
