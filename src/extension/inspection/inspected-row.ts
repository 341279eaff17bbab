/** @file A row, what the models say of it, and where that belongs in the document. */

import { Position, Range, type TextDocument } from 'vscode';
import { labelIn } from '../../dataset/dataset';
import type { columnsOf } from '../../experiment/checks/check-dataset';
import { beginsTheOther } from '../../protocol/distribution';
import { saidFrom } from '../../protocol/independent-labels';
import type {
  InspectedDistribution,
  InspectedPosition,
  InspectedToken,
  InspectResult,
} from '../../protocol/inspection-records';
import type { LabelKind } from '../../protocol/records';
import type { TextToInspect } from '../../protocol/runner';
import type { DocumentRow, Field } from './rows/row';

/** The columns that a run's task reads. */
export type Columns = ReturnType<typeof columnsOf>;

/** What the models are asked of a row; undefined where it lacks what they read. */
export function textOfRow({ fields }: DocumentRow, columns: Columns): TextToInspect | undefined {
  const text = textField(fields, columns);
  if (!text) return undefined;
  if (columns.words) return wordsOfRow(text, columns.label === undefined ? undefined : fields.get(columns.label));
  const fieldOf = (key: 'pair' | 'prompt' | 'label'): Field | undefined =>
    columns[key] === undefined ? undefined : fields.get(columns[key]);
  const [pair, prompt, cell] = [fieldOf('pair'), fieldOf('prompt'), fieldOf('label')];
  const label = cell && labelIn(cell.data ?? cell.value, columns);
  return {
    text: text.value,
    pair: pair?.value,
    prompt: prompt?.value,
    label,
  };
}

/** A list of words and their tags; a cell has them with spaces between them. */
function wordsOfRow(text: Field, tags: Field | undefined): TextToInspect {
  const listOf = ({ data, value }: Field): string[] =>
    Array.isArray(data) ? data.map(String) : value.split(/\s+/).filter((one) => one !== '');
  const words = listOf(text);
  const own = tags && listOf(tags);
  return { text: text.value, words, tags: own?.length === words.length ? own : undefined };
}

function textField(fields: DocumentRow['fields'], columns: Columns): Field | undefined {
  const field = fields.get(columns.completion ?? columns.text ?? 'text');
  return columns.words ? (field?.words ?? field) : field;
}

/** A row with its result and its place; made anew for each version of the document, for rows move. */
export class InspectedRow {
  constructor(
    private readonly document: TextDocument,
    readonly row: DocumentRow,
    private readonly columns: Columns,
    readonly result: InspectResult,
  ) {}

  /** A classifier answers once for the row; a language model at each token. */
  get isClassified(): boolean {
    return this.result.tokens !== undefined;
  }

  /** Where a token stands; undefined for one that stands for nothing in the text, such as [CLS]. */
  rangeOf({ start, end, of }: Pick<InspectedToken, 'start' | 'end' | 'of'>): Range | undefined {
    if (start === end) return undefined;
    const column = of === undefined ? undefined : this.columns[of];
    const field = column === undefined ? textField(this.row.fields, this.columns) : this.row.fields.get(column);
    return field && this.#range(field, start, end);
  }

  /** Where the value of the hard label stands. */
  get labelRange(): Range | undefined {
    const field = this.columns.label === undefined ? undefined : this.row.fields.get(this.columns.label);
    return field && this.#range(field, 0, field.value.length);
  }

  /** The sign after the label's value: a quote, where it stands in quotes. */
  get textAfterLabel(): string {
    const { labelRange } = this;
    return labelRange ? this.document.getText(new Range(labelRange.end, labelRange.end.translate(0, 1))) : '';
  }

  /** What a prediction is painted on: of a classifier the hard label, or the text where there is none. */
  rangeOfPosition(position: InspectedPosition): Range | undefined {
    return (this.isClassified ? this.labelRange : undefined) ?? this.rangeOf(position);
  }

  /** The prediction that is shown at a place of the document. */
  positionAt(at: Position): InspectedPosition | undefined {
    return this.result.positions.find((position) => {
      const range = this.rangeOfPosition(position);
      // Where one token ends the next begins.
      return range?.contains(at) && !range.end.isEqual(at);
    });
  }

  get start(): Position {
    return new Position(this.row.firstLine, 0);
  }

  #range(field: Field, start: number, end: number): Range {
    return new Range(this.#toPosition(field.offsetAt(start)), this.#toPosition(field.offsetAt(end)));
  }

  /** A row's offsets count each line end as one unit, whatever the document has there. */
  #toPosition(offset: number): Position {
    let [line, rest] = [this.row.firstLine, offset];
    for (; line < this.row.lastLine; line++) {
      const { length } = this.document.lineAt(line).text;
      if (rest <= length) break;
      rest -= length + 1;
    }
    return new Position(line, rest);
  }
}

/**
 * Whether teacher and student have different first choices; of labels of which several may apply, whether any decision differs. A token that the other model
 * does not have is no other choice where one begins the other.
 */
export function firstChoicesDiffer({ teacher, student }: InspectedPosition, labels?: LabelKind): boolean {
  if (labels === 'multiple') return [...saidBy(teacher)].sort().join('\n') !== [...saidBy(student)].sort().join('\n');
  const [first, second] = [teacher?.top[0], student?.top[0]];
  if (first === undefined || second === undefined || first.id === second.id) return false;
  const isOfOneAlone = student?.ofOther?.[0] === 0 || teacher?.ofOther?.[0] === 0;
  return !(isOfOneAlone && beginsTheOther(first.token, second.token));
}

/** The labels that a model says, of which several may apply, the surest first. */
export function saidBy(distribution: InspectedDistribution | undefined): string[] {
  return (distribution?.top ?? []).filter(({ probability }) => probability >= saidFrom).map(({ token }) => token);
}

/** The predictions that count, and that both models made. */
export function comparedPositions({ positions }: InspectResult): (InspectedPosition & { kl: number })[] {
  return positions.filter(
    (position): position is InspectedPosition & { kl: number } => position.counted && position.kl !== undefined,
  );
}

/** Predictions that count, those whose first choices differ, and the mean KL in nats. */
export function summaryOf(result: InspectResult): { differ: number; counted: number; mean: number } {
  const compared = comparedPositions(result);
  const sum = compared.reduce((total, { kl }) => total + kl, 0);
  const counted = compared.length;
  const differ = compared.filter((one) => firstChoicesDiffer(one, result.labels)).length;
  return { differ, counted, mean: counted === 0 ? 0 : sum / counted };
}
