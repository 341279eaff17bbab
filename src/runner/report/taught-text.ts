/** @file What the teacher gave, in the report: gain by class, and rows that the student has right and the control wrong. */

import { inMarkdown } from '../../protocol/escapes';
import { formatCount, formatShare, formatShareDifference, formatTemperature } from '../../protocol/format';
import type { ClassGain, PredictionRecord } from '../../protocol/records';
import { choiceText, type Taught } from '../../protocol/taught';

/** Classes whose gain is listed, and rows of each kind. */
const mostClasses = 30;
const mostRows = 8;

/** A section; none where no control was trained. */
export function taughtText(taught: Taught | undefined, gains: readonly ClassGain[] | undefined): string[] {
  if (!taught) return [];
  const { gained, lost, rows, classes, several } = taught;
  const gainOf = new Map(gains?.map((gain) => [gain.label, gain]));
  const lines = classes.slice(0, mostClasses).map((one) => {
    const gain = gainOf.get(one.label);
    const difference = gain
      ? `${formatShareDifference(gain.value)} (${gain.interval.map(formatShareDifference).join(' to ')})`
      : '–';
    return `| ${inMarkdown(one.label)} | ${formatCount(one.rows)} | ${difference} | ${formatCount(one.gained)} | ${formatCount(one.lost)} |`;
  });
  return [
    '## What the teacher gave',
    several
      ? `Of ${formatCount(rows)} hard labels of rows, the student says ${formatCount(gained)} that the control misses, and misses ${formatCount(lost)} that the control says. By hard label, with the difference in F1 and its 95 % interval (bootstrap over rows, paired):`
      : `Of ${formatCount(rows)} rows, the student has ${formatCount(gained)} right that the control has wrong, and ${formatCount(lost)} wrong that the control has right. By hard label, with the difference in F1 and its 95 % interval (bootstrap over rows, paired):`,
    `| class | rows | F1, student − control | only the student right | only the control right |\n| --- | ---: | ---: | ---: | ---: |\n${lines.join('\n')}`,
    ...rowsTable(
      'Right by the student alone',
      classes.flatMap(({ gainedRows }) => gainedRows.slice(0, 2)),
      taught.control,
    ),
    ...rowsTable(
      'Right by the control alone',
      classes.flatMap(({ lostRows }) => lostRows.slice(0, 2)),
      taught.control,
    ),
  ];
}

function rowsTable(title: string, records: readonly PredictionRecord[], control: string): string[] {
  if (records.length === 0) return [];
  const temperature = records.find(({ softLabel }) => softLabel)?.softLabel?.temperature;
  const lines = records.slice(0, mostRows).map(({ text, label, models, softLabel }) => {
    const soft = softLabel?.top
      .map(({ choice, probability }) => `${inMarkdown(choice)} ${formatShare(probability)}`)
      .join(', ');
    const cells = [
      inMarkdown(text.slice(0, 80)),
      inMarkdown([label ?? ''].flat().join(', ')),
      inMarkdown((models.student && choiceText(models.student)) ?? '–'),
      inMarkdown((models[control] && choiceText(models[control])) ?? '–'),
    ];
    return `| ${cells.join(' | ')} | ${soft ?? '–'} |`;
  });
  const at = temperature === undefined ? '' : ` at T = ${formatTemperature(temperature)}`;
  return [
    `${title}, and the teacher's soft label${at}:`,
    `| text | hard label | student | control | soft label |\n| --- | --- | --- | --- | --- |\n${lines.join('\n')}`,
  ];
}
