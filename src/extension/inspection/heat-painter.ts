/** @file Paints predictions by KL(teacher ‖ student): five levels at fixed edges, so that files and runs can be compared. */

import {
  OverviewRulerLane,
  Range,
  ThemeColor,
  Uri,
  window,
  type Disposable,
  type TextEditor,
  type TextEditorDecorationType,
} from 'vscode';
import { heatLevel } from '../../protocol/heat';
import { comparedPositions, firstChoicesDiffer, type InspectedRow } from './inspected-row';

/** Of the divergence's colour, in per cent; the first level is not painted. The underline tells levels apart without colour. */
const tints = [
  { dark: 0, light: 0, underline: 0 },
  { dark: 12, light: 10, underline: 1 },
  { dark: 22, light: 19, underline: 2 },
  { dark: 34, light: 29, underline: 3 },
  { dark: 46, light: 40, underline: 4 },
] as const;

const divergence = (percent: number): string =>
  `color-mix(in srgb, var(--vscode-charts-purple) ${percent}%, transparent)`;

export class HeatPainter implements Disposable {
  readonly #levels: readonly TextEditorDecorationType[] = tints.map(({ dark, light, underline }, level) =>
    window.createTextEditorDecorationType({
      dark: { backgroundColor: divergence(dark) },
      light: { backgroundColor: divergence(light) },
      ...(underline > 0 && { textDecoration: `underline ${underline}px var(--vscode-charts-purple)` }),
      ...(level === tints.length - 1 && {
        overviewRulerColor: new ThemeColor('charts.purple'),
        overviewRulerLane: OverviewRulerLane.Right,
      }),
    }),
  );
  readonly #differs: TextEditorDecorationType;

  /** @param media the folder of the extension's pictures */
  constructor(media: Uri) {
    this.#differs = window.createTextEditorDecorationType({
      gutterIconPath: Uri.joinPath(media, 'differs.svg'),
      gutterIconSize: 'contain',
      overviewRulerColor: new ThemeColor('charts.orange'),
      overviewRulerLane: OverviewRulerLane.Left,
    });
  }

  /** Replaces what it has painted in the editor. @returns the painted ranges by level */
  paint(editor: TextEditor, rows: readonly InspectedRow[]): Range[][] {
    const ranges: Range[][] = tints.map(() => []);
    for (const row of rows) {
      for (const position of comparedPositions(row.result)) {
        const range = row.rangeOfPosition(position);
        if (range) ranges[heatLevel(position.kl)]!.push(range);
      }
    }
    this.#levels.forEach((type, level) => editor.setDecorations(type, ranges[level]!));
    const differing = rows.filter(disagrees).map(({ start }) => new Range(start, start));
    editor.setDecorations(this.#differs, differing);
    return ranges;
  }

  dispose(): void {
    for (const type of [...this.#levels, this.#differs]) type.dispose();
  }
}

/** The gutter says it of a classifier's rows; a language model differs in nearly every row. */
export function disagrees(row: InspectedRow): boolean {
  return row.isClassified && row.result.positions.some((position) => firstChoicesDiffer(position, row.result.labels));
}
