/** @file A study as a person reads it: in a terminal, and as `report.md` with its picture. */

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import Table from 'cli-table3';
import { writeAtomically } from '../../model/files/atomic';
import { studyDrawing } from '../../protocol/drawing/study-drawing';
import { darkPaperColours, paperColours, svgText, titled } from '../../protocol/drawing/shapes';
import { inMarkdown } from '../../protocol/escapes';
import { formatCount, formatSetting, formatSigned } from '../../protocol/format';
import type { RunErrorRecord, RunStatus } from '../../protocol/records';
import type { Measured, StudyAnswer } from '../../protocol/study';
import { requireOwned } from '../../run-directory/owned';
import { bar } from './comparison-table';
import { scopeText, kindOf, studyTable, studyTitles } from './study-text';

const WIDTH = 760;

/** What a report needs to know of a study. */
export interface ReportedStudy {
  name: string;
  answer: StudyAnswer;
  /** The answer in sentences. */
  said: string;
  /** Where `report.md` and its picture are. */
  directory: string;
  /** Runs that it has in all; rows are fewer where it was stopped. */
  combinations: number;
  rows: readonly { run: string; status: RunStatus; error?: RunErrorRecord | undefined }[];
}

/**
 * Writes `report.md` and `study.svg` into the study's folder.
 * @throws InputError where one of them, or a folder on the way, is a link
 */
export async function writeStudyReport({ answer, directory, rows, name, said }: ReportedStudy): Promise<void> {
  const [report, picture] = ['report.md', 'study.svg'].map((file) => path.join(directory, file)) as [string, string];
  for (const file of [report, picture]) requireOwned(file);
  await mkdir(directory, { recursive: true });
  const title = studyTitles[answer.kind];
  const drawing = studyDrawing(answer, WIDTH, {
    label: `${title} ${said}`,
    teacher: 'teacher',
    student: 'student',
    control: 'control',
    encoder: 'encoder',
    decoder: 'decoder',
    texts: (count) => `${formatCount(count)} texts`,
  });
  if (drawing) {
    const svg = svgText(titled(drawing, title, noteOf(answer)), paperColours, darkPaperColours);
    await writeAtomically(picture, svg);
  }
  const [head, ...lines] = studyTable(answer);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const runs = rows.map(
    ({ run, status, error }) => `- \`${run}\`: ${status}${error ? `, ${inMarkdown(error.message)}` : ''}`,
  );
  const parts = [
    `# ${inMarkdown(name)}: ${title}`,
    said,
    ...(drawing ? [`![${title}](study.svg)`] : []),
    [line(head!), line(head!.map(() => '---:')), ...lines.map(line)].join('\n'),
    `Gain: the student over its control, the same student trained without the teacher. ${scopeText(answer)}`,
    '## Runs',
    runs.join('\n'),
  ];
  await writeAtomically(report, `${parts.join('\n\n')}\n`);
}

function noteOf({ kind, quality }: StudyAnswer): string {
  const direction = quality.higherIsBetter ? 'higher is better' : 'lower is better';
  switch (kind) {
    case 'labels':
      return `${quality.title} by labels, log scale, ${direction}; bars are 95 % intervals`;
    case 'families':
      return `gain in ${quality.name} over the control, with 95 % intervals`;
    case 'temperature':
      return `${quality.title} of the student, stronger is better; framed: best on validation`;
  }
}

/** The picture as bars, the table, the answer, and what is left to do. */
export function studyText({ answer, rows, combinations, directory, said }: ReportedStudy): string {
  const [head, ...lines] = studyTable(answer);
  const table = new Table({ head: head!, colAligns: head!.map(() => 'right'), style: { head: [], border: [] } });
  table.push(...lines);
  const failures = rows.flatMap(({ run, error }) => (error ? [`${run} failed: ${error.message}`] : []));
  const left = combinations - rows.filter(({ status }) => status !== 'stopped').length;
  return [
    studyTitles[answer.kind],
    ...bars(answer),
    table.toString(),
    ...failures,
    ...(left > 0 ? [`stopped with ${left} of ${combinations} to go; go on with the same command`] : []),
    said,
    scopeText(answer),
    `${path.join(directory, 'report.md')} has the picture.`,
  ].join('\n');
}

function bars(answer: StudyAnswer): string[] {
  const { quality } = answer;
  const shown = barsOf(answer);
  const most = Math.max(...shown.map(({ value }) => value), 0);
  const width = Math.max(0, ...shown.map(({ name }) => name.length));
  const show = (value: number): string => formatSigned(value, quality.format);
  return shown.map(({ name, value, interval, isBest }) => {
    const length = bar(most > 0 ? Math.max(0, value) / most : 0);
    const range = `(${show(interval[0])} to ${show(interval[1])})`;
    return `  ${name.padStart(width)}  ${length} ${show(value)}  ${range}${isBest ? '  ← best on validation' : ''}`;
  });
}

interface Bar extends Measured {
  name: string;
  isBest?: boolean;
}

function barsOf(answer: StudyAnswer): Bar[] {
  switch (answer.kind) {
    case 'labels':
      return (answer.curves.at(-1)?.points ?? []).flatMap(({ labels, student, control }) => [
        { name: `${formatCount(labels)} labels, student`, ...student },
        { name: 'control', ...control },
      ]);
    case 'families':
      return answer.points.map(({ family, gain }) => ({ name: `gain of ${kindOf(family)} ${family}`, ...gain }));
    case 'temperature':
      return answer.points.map((point) => ({
        name: `T ${formatSetting(point.temperature)}, α ${formatSetting(point.alpha)}`,
        ...point.student,
        isBest: point === answer.best,
      }));
  }
}
