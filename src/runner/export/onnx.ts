/** @file A model as an ONNX file, with its tokenizer, config and card beside it; rounded to 8 bits with what that costs in its card. */

import { cp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeAtomically } from '../../model/files/atomic';
import { loadCheckpoint } from '../../model/files/checkpoint';
import { onnxOutput, writeOnnx, type OnnxValues } from '../../model/files/onnx-export';
import { InputError } from '../../protocol/problem';
import type { RunPaths } from '../../run-directory/run-paths';
import type { ExportReport } from '../../protocol/export-formats';
import { costTable, costText, measureCost } from './quantization-cost';

/** As optimum calls them. */
const FILES: Record<OnnxValues, string> = { f32: 'model.onnx', int8: 'model_quantized.onnx' };
const CARD = 'README.md';

/** @throws InputError where what 8 bits cost cannot be measured, because the run's rows are gone */
export async function writeOnnxFolder(
  model: string,
  folder: string,
  values: string | undefined,
  run: RunPaths,
): Promise<ExportReport> {
  const kind: OnnxValues = values === 'int8' ? 'int8' : 'f32';
  const { architecture, parameters } = await loadCheckpoint(model);
  if (kind === 'int8' && architecture.embedding) throw InputError.at(model, 'export-embeddings-exact', {});
  for (const name of await readdir(model)) {
    if (!name.includes('.safetensors')) await cp(path.join(model, name), path.join(folder, name), { recursive: true });
  }
  await writeOnnx(path.join(folder, FILES[kind]), architecture, parameters, kind);
  const cost =
    kind === 'int8'
      ? await measureCost(run, model, architecture, {
          rounded: path.join(folder, FILES.int8),
          writeExact: (file) => writeOnnx(file, architecture, parameters, 'f32'),
        })
      : undefined;
  const card = await readFile(path.join(folder, CARD), 'utf8').catch(() => undefined);
  if (card !== undefined)
    await writeAtomically(
      path.join(folder, CARD),
      cardOf(card, FILES[kind], onnxOutput(architecture), cost && costTable(cost)),
    );
  return { notes: cost ? [costText(cost)] : [], cost };
}

/** The folder's card, of a file for other programs. */
function cardOf(card: string, file: string, output: string, cost: string | undefined): string {
  const told = [
    '## ONNX',
    `\`${file}\` takes batches of any size and length: \`input_ids\`, \`attention_mask\` and, where it has it, \`token_type_ids\`, int64 [batch, length] each, padded on the right; \`${output}\` comes out. ` +
      'It wants operators of ONNX 20, as onnxruntime 1.17 and later have them, and no others. `tokenizer.json` beside it makes the ids.',
    ...(cost === undefined ? [] : [cost]),
  ];
  return `${card.replace(/^tags:\n/m, 'tags:\n- onnx\n').trimEnd()}\n\n${told.join('\n\n')}\n`;
}
