/** @file Shows the problems of experiments in their files and in the datasets that they name. */

import { Diagnostic, DiagnosticSeverity, Disposable, languages, Uri } from 'vscode';
import type { Problem } from '../../protocol/problem';
import { problemRange } from './experiment-document';
import type { ExperimentProblems } from './experiment-problems';

export function registerDiagnostics(problems: ExperimentProblems): Disposable {
  const collection = languages.createDiagnosticCollection('distillery');
  const update = (): void => {
    const byFile = new Map<string, Diagnostic[]>();
    // Two experiments may complain of the same row of the same dataset.
    for (const problem of distinct(problems.all)) {
      const diagnostics = byFile.get(problem.file) ?? [];
      diagnostics.push(diagnosticOf(problem));
      byFile.set(problem.file, diagnostics);
    }
    collection.clear();
    collection.set([...byFile].map(([file, diagnostics]) => [Uri.file(file), diagnostics]));
  };
  return Disposable.from(collection, problems.onDidChange(update));
}

export function diagnosticOf(problem: Problem): Diagnostic {
  const severity = problem.severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning;
  const diagnostic = new Diagnostic(problemRange(problem), `${problem.message} ${problem.remedy}`, severity);
  diagnostic.source = 'Distillery';
  return diagnostic;
}

function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Map(problems.map((problem) => [JSON.stringify({ ...problem, fixes: undefined }), problem]));
  return [...seen.values()];
}
