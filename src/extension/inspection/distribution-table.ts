/** @file Both models' distributions at one position as a table of small bars. */

import { l10n } from 'vscode';
import { formatNumber, formatQuantity, formatSetting, formatShare, shareDecimals } from '../../protocol/format';
import type { InspectedDistribution, InspectedPosition, InspectResult } from '../../protocol/inspection-records';
import { metricFacts } from '../../protocol/quality';
import type { LabelKind } from '../../protocol/records';
import { firstChoicesDiffer } from './inspected-row';
import { asText } from './as-text';
import { bar, mark } from './markdown';

/** A line of the table: a token or class, with each model's probability of it. */
interface Entry {
  name: string;
  teacher?: number | undefined;
  student?: number | undefined;
}

/** Where the bars' common axis may end; what is longer, as all other tokens together may be, fills it. */
const axisEnds = [0.1, 0.2, 0.4, 0.6, 0.8, 1];

/** Title, table sorted by the teacher's soft labels, and what is to be said of the whole. */
export function distributionTable(position: InspectedPosition, { temperature, labels }: InspectResult): string {
  if (labels === 'regression') return numberTable(position);
  if (labels === 'similarity' || position.cosine !== undefined) return embeddingTable(position);
  const { kl, teacher, student } = position;
  const differ = firstChoicesDiffer(position, labels) ? ` · ${differWords(labels)}` : '';
  const hard = hardNames(position);
  const name = position.token === '' ? l10n.t('prediction') : `**${asText(position.token)}**`;
  const divergence = kl === undefined ? '' : ` &nbsp; KL ${formatQuantity(kl)} ${l10n.t('nats')}`;
  const title = `${name}${divergence}${differ}`;
  const heads = [`T = ${formatSetting(temperature)}`, head('teacher', teacher), head('student', student)];
  const entries = entriesOf(position);
  const decimals = shareDecimals(entries.flatMap(({ teacher = 0, student = 0 }) => [teacher, student]));
  const largest = Math.max(...entries.flatMap(({ teacher = 0, student = 0 }) => [teacher, student]));
  const axis = axisEnds.find((end) => end >= largest) ?? 1;
  const share = (role: 'teacher' | 'student', value: number | undefined): string => {
    if (value === undefined) return ' | ';
    // A model that has no such token has no bar either.
    return value === 0 ? ' | –' : `${bar(role, value / axis)} | ${formatShare(value, decimals)}`;
  };
  const rows = entries.map((entry) => {
    const isLabel = hard.includes(entry.name);
    const shown = isLabel ? `${mark('label')} **${asText(entry.name)}**` : asText(entry.name);
    return `| ${shown} | ${share('teacher', entry.teacher)} | ${share('student', entry.student)} |`;
  });
  const others = `| ${l10n.t('others')} | ${share('teacher', teacher?.other)} | ${share('student', student?.other)} |`;
  return [
    title,
    '',
    `| ${heads[0]!} | ${heads[1]!} | | ${heads[2]!} | |`,
    '|:--|:--|--:|:--|--:|',
    ...rows,
    ...((teacher?.other ?? student?.other ?? 0) > 0 ? [others] : []),
    '',
    summary(position),
  ].join('\n');
}

function head(role: 'teacher' | 'student', distribution: InspectedDistribution | undefined): string {
  if (!distribution) return '';
  return `${mark(role)} ${role === 'teacher' ? l10n.t('Teacher') : l10n.t('Student')}`;
}

/** The first choices of the teacher, or of the student alone; the hard label too, where it is not among them. */
function entriesOf(position: InspectedPosition): Entry[] {
  const { teacher, student } = position;
  const [label] = hardNames(position);
  const leading = teacher ?? student;
  const entries = (leading?.top ?? []).map(({ token, probability }, index): Entry => {
    if (!teacher) return { name: token, student: probability };
    const other = student?.ofOther?.[index];
    return { name: token, teacher: probability, student: other };
  });
  if (typeof position.label === 'string' && label !== undefined && !entries.some(({ name }) => name === label)) {
    const [first, second] = [teacher?.label?.probability, student?.label?.probability];
    entries.push({
      name: label,
      teacher: first,
      student: second,
    });
  }
  return entries;
}

const differWords = (labels: LabelKind | undefined): string =>
  labels === 'multiple' ? l10n.t('decisions differ') : l10n.t('first choices differ');

/** The class, the token, or the labels that apply. */
function hardNames({ label }: InspectedPosition): readonly string[] {
  if (label === undefined || typeof label === 'number') return [];
  return typeof label === 'string' ? [label] : label;
}

/** Of an embedding: how near both models are, and of a pair how similar each finds its texts. */
function embeddingTable({ values, label, cosine }: InspectedPosition): string {
  const { format } = metricFacts.teacherCosine;
  const row = (name: string, value: number | undefined): string[] =>
    value === undefined ? [] : [`| ${name} | ${format(value)} |`];
  return [
    values ? l10n.t('How similar both texts are found') : l10n.t('One embedding for the whole text'),
    '',
    '| | |',
    '|:--|--:|',
    ...row(`${mark('teacher')} ${l10n.t('Teacher')}`, values?.teacher),
    ...row(`${mark('student')} ${l10n.t('Student')}`, values?.student),
    ...row(`${mark('label')} ${l10n.t('Score')}`, typeof label === 'number' ? label : undefined),
    ...row(l10n.t('Cosine to teacher'), cosine),
  ].join('\n');
}

/** Of a label that is a number: what each model says of it. */
function numberTable({ values, label }: InspectedPosition): string {
  const row = (name: string, value: number | undefined): string[] =>
    value === undefined ? [] : [`| ${name} | ${formatNumber(value)} |`];
  return [
    l10n.t('One number for the whole text'),
    '',
    '| | |',
    '|:--|--:|',
    ...row(`${mark('teacher')} ${l10n.t('Teacher')}`, values?.teacher),
    ...row(`${mark('student')} ${l10n.t('Student')}`, values?.student),
    ...row(`${mark('label')} ${l10n.t('Hard label')}`, typeof label === 'number' ? label : undefined),
  ].join('\n');
}

function summary({ teacher, student, label }: InspectedPosition): string {
  const both = (one: string | undefined, other: string | undefined): string =>
    [one, other].filter((part) => part !== undefined).join(` ${l10n.t('and')} `);
  const ranks = both(teacher?.label?.rank.toString(), student?.label?.rank.toString());
  const entropies = both(teacher && formatQuantity(teacher.entropy), student && formatQuantity(student.entropy));
  const parts = [
    label === undefined || ranks === '' ? undefined : `${mark('label')} ${l10n.t('hard label, ranks {0}', ranks)}`,
    l10n.t('entropy {0} nats', entropies),
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}
