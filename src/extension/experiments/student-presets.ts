/** @file Students named by how much smaller than the teacher they are: what each comes to, in completions and hovers. */

import {
  Hover,
  l10n,
  languages,
  MarkdownString,
  workspace,
  type Disposable,
  type Position,
  type TextDocument,
} from 'vscode';
import { getLocation } from 'jsonc-parser';
import { formatBytes, formatLarge } from '../../protocol/format';
import {
  PROPOSED_MEGABYTES,
  studentPresets,
  type StudentFigures,
  type StudentPreset,
  type StudentStart,
} from '../../protocol/student-presets';
import { experimentSelector } from '../base/documents';

/** Which students the teacher of an experiment allows, by its path and its text. */
export type AskStudents = (file: string, text: string) => Promise<StudentFigures[]>;

export class StudentPresets implements Disposable {
  readonly #hovers: Disposable;
  #latest: { address: string; version: number; figures: Promise<StudentFigures[]> } | undefined;

  constructor(private readonly ask: AskStudents) {
    this.#hovers = languages.registerHoverProvider(experimentSelector, {
      provideHover: (document, position) => this.#hover(document, position),
    });
  }

  /** Empty where nothing may be opened, or where something else is wrong with the file, which its problems say. */
  of(document: TextDocument): Promise<StudentFigures[]> {
    if (!workspace.isTrusted) return Promise.resolve([]);
    const { version } = document;
    const address = document.uri.toString();
    if (this.#latest?.address !== address || this.#latest.version !== version) {
      const figures = this.ask(document.uri.fsPath, document.getText()).catch(() => []);
      this.#latest = { address, version, figures };
    }
    return this.#latest.figures;
  }

  async #hover(document: TextDocument, position: Position): Promise<Hover | undefined> {
    const [part, key] = getLocation(document.getText(), document.offsetAt(position)).path;
    if (part !== 'student' || key !== 'preset') return undefined;
    const figures = await this.of(document);
    if (figures.length === 0) return undefined;
    const head = [l10n.t('student'), l10n.t('parameters'), l10n.t('on disk'), l10n.t('memory'), l10n.t('made of')];
    const rows = [head, head.map(() => '---'), ...figures.map(cells)];
    return new Hover(new MarkdownString(rows.map((row) => `| ${row.join(' | ')} |`).join('\n')));
  }

  dispose(): void {
    this.#hovers.dispose();
  }
}

function cells({ preset, made, layers, hiddenSize, parameters, bytes, memoryBytes }: StudentFigures): string[] {
  const shape = l10n.t('{0} blocks, width {1}', layers, hiddenSize);
  return [
    `\`${presetText(preset)}\``,
    formatLarge(parameters),
    formatBytes(bytes),
    formatBytes(memoryBytes),
    `${startWords()[made]}: ${shape}`,
  ];
}

function startWords(): Record<StudentStart, string> {
  return {
    blocks: l10n.t('blocks of the teacher'),
    pruned: l10n.t('the teacher, pruned'),
    random: l10n.t('random weights'),
  };
}

/** As the file has it. */
export const presetText = (preset: StudentPreset): string =>
  typeof preset === 'string' ? preset : `{ "megabytes": ${preset.megabytes} }`;

/** What is offered, with what is known of it. */
export function presetChoices(figures: readonly StudentFigures[]): { preset: StudentPreset; detail?: string }[] {
  if (figures.length === 0) {
    return [...studentPresets, { megabytes: PROPOSED_MEGABYTES }].map((preset) => ({ preset }));
  }
  return figures.map(({ preset, made, parameters, bytes, memoryBytes }) => {
    const size = l10n.t('{0} parameters', formatLarge(parameters));
    const memory = l10n.t('{0} of memory', formatBytes(memoryBytes));
    return { preset, detail: [size, formatBytes(bytes), memory, startWords()[made]].join(' · ') };
  });
}
