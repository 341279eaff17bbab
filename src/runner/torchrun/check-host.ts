/** @file `devices --on HOST`: what a host has to train with, and what is missing there, before anything is sent to it. */

import type { Experiment } from '../../experiment/file/schema';
import { complaint, complaintOf, type Complaint } from '../../protocol/problem';
import type { HostFacts, HostRecord } from '../../protocol/machine-records';
import { keepHost, knownHosts } from '../devices/hosts';
import { lacking, askInterpreterThere, pythonThere, type InterpreterFacts } from './interpreter';
import { Host } from './ssh';

/** Below this, a training of any size is likely to end for want of room. */
const LEAST_FREE = 2e9;

const TAR = 'distillery-tar';

/** What needs no Python: whether folders can be unpacked, and the room where they will be. */
const LOOK = `if command -v tar > /dev/null 2>&1; then echo ${TAR}; fi; df -Pk . 2> /dev/null | tail -n 1`;

/**
 * Asks all that a training there needs. A host that has answered is kept among those that the person knows, whatever it lacks; so is what one
 * of these lacks that does not answer.
 * @param experiment names the interpreter, where it does
 * @throws ComplaintError where ssh could take the name for something else
 */
export async function checkHost(name: string, experiment: Pick<Experiment, 'torchrun'> = {}): Promise<HostRecord> {
  const host = new Host(name);
  const before = (await knownHosts()).find((one) => one.name === name);
  const record = await lookAtHost(host, experiment);
  const kept: HostRecord = record.found ? record : { ...before, ...record };
  if (record.found || before) await keepHost(kept);
  return kept;
}

/** The same, of which nothing is kept. Without `found` where it has not answered. */
export async function lookAtHost(host: Host, experiment: Pick<Experiment, 'torchrun'>): Promise<HostRecord> {
  const { name } = host;
  const asked = new Date().toISOString();
  let said: string;
  try {
    said = await host.ask(LOOK);
  } catch (error) {
    return { name, asked, problems: [complaintOf(error)] };
  }
  const problems: Complaint[] = [];
  if (!said.split('\n').includes(TAR)) problems.push(complaint('torchrun-host-without-tar', { host: name }));
  const freeBytes = freeIn(said);
  if (freeBytes !== undefined && freeBytes < LEAST_FREE)
    problems.push(complaint('torchrun-host-small', { host: name, free: freeBytes }));
  const python = pythonThere(experiment);
  let facts: InterpreterFacts = {};
  try {
    facts = await askInterpreterThere(python, host);
    const lacks = lacking(facts, python, host);
    if (lacks) problems.push(lacks);
  } catch (error) {
    problems.push(complaintOf(error));
  }
  const { torch, gpus = [], cores } = facts;
  const found: HostFacts = { time: asked, python, torch, gpus, cores, freeBytes };
  return { name, asked, problems, found };
}

/** Column "Available" of `df -P`, in KiB, before the share that is used. */
function freeIn(said: string): number | undefined {
  const kibibytes = /\s(\d+)\s+\d+%\s/.exec(said)?.[1];
  return kibibytes === undefined ? undefined : 1024 * Number(kibibytes);
}
