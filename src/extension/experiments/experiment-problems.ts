/** @file The problems of the experiment files that are open, kept up to date while they and their datasets change, and shown in them. */

import {
  Diagnostic,
  DiagnosticSeverity,
  Disposable,
  EventEmitter,
  languages,
  Uri,
  workspace,
  type Event,
  type TextDocument,
} from 'vscode';
import { validateSettings } from '../../experiment/checks/validate';
import { formatProblem, type Problem } from '../../protocol/problem';
import { inEditorWords, inOneLine } from '../base/problem-words';
import { openExperiments, parsedDocument, problemRange } from './experiment-document';
import { isExperiment } from '../base/documents';

/** Without a text, the file as it is on disk is meant. */
export type CheckExperiment = (file: string, text?: string) => Promise<Problem[]>;

/** Milliseconds after the last key stroke. */
const settle = 300;

export class ExperimentProblems implements Disposable {
  readonly #changed = new EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  /** By the document's address. */
  readonly #problems = new Map<string, Problem[]>();
  readonly #due = new Map<string, NodeJS.Timeout>();
  readonly #disposables: Disposable[];

  constructor(
    private readonly report: (error: unknown) => void,
    /** What is wrong with an experiment's text and the files that it names. */
    private readonly check: CheckExperiment,
    /** Tells that what an experiment names may be there now. */
    whenFetched: Event<unknown>,
  ) {
    this.#disposables = [
      workspace.onDidOpenTextDocument((document) => this.#checkSoon(document, 0)),
      workspace.onDidChangeTextDocument(({ document }) => this.#checkSoon(document, settle)),
      workspace.onDidSaveTextDocument(() => this.#checkAll()),
      workspace.onDidCloseTextDocument((document) => this.#forget(document)),
      workspace.onDidGrantWorkspaceTrust(() => this.#checkAll()),
      whenFetched(() => this.#checkAll()),
    ];
    this.#checkAll();
  }

  /** Of all open experiment files, each with the document to mark: the experiment's own, or a dataset that it names. */
  get all(): { document: Uri; problem: Problem }[] {
    return [...this.#problems].flatMap(([address, problems]) => {
      const experiment = Uri.parse(address);
      return problems.map((problem) => ({
        document: problem.file === experiment.fsPath ? experiment : Uri.file(problem.file),
        problem,
      }));
    });
  }

  of(document: TextDocument): readonly Problem[] {
    return this.#problems.get(document.uri.toString()) ?? [];
  }

  /** A dataset or a model may have changed as well. */
  #checkAll(): void {
    for (const document of openExperiments()) this.#checkSoon(document, 0);
  }

  #checkSoon(document: TextDocument, delay: number): void {
    if (!isExperiment(document)) return;
    const key = document.uri.toString();
    clearTimeout(this.#due.get(key));
    const timer = setTimeout(() => {
      this.#due.delete(key);
      void this.#check(document).catch(this.report);
    }, delay);
    this.#due.set(key, timer);
  }

  async #check(document: TextDocument): Promise<void> {
    const { version } = document;
    const problems = workspace.isTrusted
      ? await this.check(document.uri.fsPath, document.getText())
      : validateSettings(parsedDocument(document));
    // A newer version has a check of its own on its way.
    if (document.isClosed || document.version !== version) return;
    this.#problems.set(document.uri.toString(), problems);
    this.#changed.fire();
  }

  #forget({ uri }: TextDocument): void {
    const key = uri.toString();
    clearTimeout(this.#due.get(key));
    this.#due.delete(key);
    if (this.#problems.delete(key)) this.#changed.fire();
  }

  dispose(): void {
    for (const timer of this.#due.values()) clearTimeout(timer);
    for (const disposable of [...this.#disposables, this.#changed]) disposable.dispose();
  }
}

export function registerDiagnostics(problems: ExperimentProblems): Disposable {
  const collection = languages.createDiagnosticCollection('distillery');
  const update = (): void => {
    const byDocument = new Map<string, Map<string, Diagnostic>>();
    for (const { document, problem } of problems.all) {
      const diagnostics = byDocument.get(document.toString()) ?? new Map<string, Diagnostic>();
      // Two experiments may complain of the same row of the same dataset.
      diagnostics.set(formatProblem(problem), diagnosticOf(problem));
      byDocument.set(document.toString(), diagnostics);
    }
    collection.clear();
    collection.set([...byDocument].map(([address, diagnostics]) => [Uri.parse(address), [...diagnostics.values()]]));
  };
  return Disposable.from(collection, problems.onDidChange(update));
}

export function diagnosticOf(problem: Problem): Diagnostic {
  const severity = problem.severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning;
  const diagnostic = new Diagnostic(problemRange(problem), inOneLine(inEditorWords(problem)), severity);
  diagnostic.source = 'Distillery';
  return diagnostic;
}
