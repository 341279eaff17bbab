/** @file The outline of an experiment file: its parts, each with what matters of it. */

import { DocumentSymbol, languages, SymbolKind, type Disposable, type TextDocument } from 'vscode';
import type { Node } from 'jsonc-parser';
import { formatSetting } from '../../protocol/format';
import { childOf } from '../../experiment/file/schema-tree';
import { parsedDocument, nodeRange } from './experiment-document';
import { experimentSelector } from '../base/documents';

/** The parts that have a line of their own, in words a person knows them by. */
const kinds: Record<string, SymbolKind> = {
  dataset: SymbolKind.File,
  tokenizer: SymbolKind.String,
  teacher: SymbolKind.Class,
  student: SymbolKind.Class,
  distillation: SymbolKind.Function,
  training: SymbolKind.Event,
  controls: SymbolKind.Array,
  sweep: SymbolKind.Array,
};

export function registerOutline(): Disposable {
  const provideDocumentSymbols = (document: TextDocument): DocumentSymbol[] => {
    const { root } = parsedDocument(document).source;
    const value = parsedDocument(document).source.value();
    return (root?.children ?? []).flatMap((property) => symbolOf(document, property, value) ?? []);
  };
  return languages.registerDocumentSymbolProvider(
    experimentSelector,
    { provideDocumentSymbols },
    { label: 'Distillery' },
  );
}

function symbolOf(document: TextDocument, property: Node, experiment: unknown): DocumentSymbol | undefined {
  const [key, value] = property.children ?? [];
  const name: unknown = key?.value;
  if (typeof name !== 'string' || !key || !value) return undefined;
  const kind = kinds[name] ?? SymbolKind.Property;
  const detail = detailOf(name, childOf(experiment, name));
  return new DocumentSymbol(name, detail, kind, nodeRange(document, property), nodeRange(document, key));
}

function detailOf(name: string, value: unknown): string {
  switch (name) {
    case 'dataset':
      return textOf(childOf(value, 'train'));
    case 'tokenizer':
      return textOf(childOf(value, 'source'));
    case 'teacher':
      return shapeOf(childOf(value, 'architecture')) || textOf(childOf(value, 'path') ?? childOf(value, 'run'));
    case 'student':
      return shapeOf(childOf(value, 'architecture')) || textOf(childOf(value, 'preset'));
    case 'distillation':
      return [`T ${textOf(childOf(value, 'temperature') ?? 4)}`, `α ${textOf(childOf(value, 'alpha') ?? 0.7)}`].join(
        ' · ',
      );
    case 'training':
      return `${textOf(childOf(value, 'epochs') ?? 3)} epochs`;
    default:
      return textOf(value);
  }
}

/** `bert 4 × 192`. */
function shapeOf(architecture: unknown): string {
  const [family, layers, hiddenSize] = ['family', 'layers', 'hiddenSize'].map((key) => childOf(architecture, key));
  return layers === undefined ? '' : `${textOf(family)} ${textOf(layers)} × ${textOf(hiddenSize)}`;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatSetting(value);
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  if (typeof value !== 'object' || value === null) return '';
  // A schedule.
  const [from, to] = [childOf(value, 'from'), childOf(value, 'to')];
  return to === undefined ? Object.keys(value).join(', ') : `${textOf(from)} → ${textOf(to)}`;
}
