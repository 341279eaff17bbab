/** @file Offers a person what trains faster on their processor and is one answer away. Nothing is fetched unasked. */

import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { dataFolder } from '../../engine/libraries';
import { writeAtomically } from '../../model/files/atomic';
import { formatBytes } from '../../protocol/format';
import { installCommand } from '../commands/libraries';
import { libraryFor } from '../install/catalog';
import { hindranceOf } from './candidates';

/** Whoever is told why an engine was chosen. */
export interface Told {
  note(line: string): void;
  /** Asks whoever sits in front of the terminal; undefined where nobody answers. Absent where nobody can. */
  ask?(question: string): Promise<boolean | undefined>;
}

/** What a person was asked once and need not be again. */
const fileSchema = z.object({ openvino: z.object({ time: z.string(), answer: z.boolean() }) });

const file = (): string => path.join(dataFolder(), 'offers.json');

/**
 * Where OpenVINO can be had and is not there: asks once whether to install it, and otherwise says how it is done. Whatever goes wrong with it
 * keeps no run from starting.
 * @returns whether it was installed
 */
export async function offerOpenVino(told: Told): Promise<boolean> {
  const wheels = libraryFor('openvino')?.wheels;
  if (!wheels || hindranceOf('openvino')?.code !== 'library-not-installed') return false;
  const size = formatBytes(wheels.reduce((sum, wheel) => sum + wheel.bytes, 0));
  const answer = (await wasAsked())
    ? undefined
    : await told.ask?.(`${REASON}. Install it now (${size} with your pip)?`);
  if (answer === undefined) {
    told.note(`${REASON}: distillery devices --install openvino (${size} with pip)`);
    return false;
  }
  await remember(answer);
  if (!answer) {
    told.note('Not installed, and not asked again. Whenever you like: distillery devices --install openvino');
    return false;
  }
  try {
    await installCommand('openvino', [], false);
    return true;
  } catch (error) {
    told.note(`It goes on without OpenVINO: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

const REASON = 'OpenVINO trained faster than cpu in all our measurements';

/** A missing or damaged file remembers nothing. */
async function wasAsked(): Promise<boolean> {
  try {
    return fileSchema.safeParse(JSON.parse(await readFile(file(), 'utf8'))).success;
  } catch {
    return false;
  }
}

async function remember(answer: boolean): Promise<void> {
  const asked: z.infer<typeof fileSchema> = { openvino: { time: new Date().toISOString(), answer } };
  try {
    await mkdir(dataFolder(), { recursive: true });
    await writeAtomically(file(), `${JSON.stringify(asked, undefined, 2)}\n`);
  } catch {
    // A read-only home: asked again the next time.
  }
}
