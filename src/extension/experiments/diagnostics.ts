/** @file Shows the problems of experiments in their files and in the datasets that they name. */

import { Diagnostic, DiagnosticSeverity, Disposable, languages, Uri } from 'vscode';
import { formatProblem, type Problem } from '../../protocol/problem';
import { inEditorWords, inOneLine } from '../base/problem-words';
import { problemRange } from './experiment-document';
import type { ExperimentProblems } from './experiment-problems';

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
