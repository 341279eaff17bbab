/** @file The experiment file's `torchrun`: how training on PyTorch is started and divided. */

import * as z from 'zod';
import { launchers, rendezvousPattern, torchrunDraws, torchrunStrategies } from '../../../protocol/torchrun';
import { text } from './values';

/** A word of a scheduler's options: nothing that a shell or a comment reads as more. */
const schedulerWord = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.,-]*$/);

/** RFC 1123's label, as Kubernetes names things. */
const clusterName = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);

export const torchrunSchema = z
  .strictObject({
    where: z
      .enum(launchers)
      .default('local')
      .describe(
        '"local": on this machine. "ssh": on hosts that are named when the run is started (--on), never by this file. "slurm": as a job of the Slurm cluster that this machine belongs to. "kubernetes": as a manifest that export writes.',
      ),
    processes: z
      .union([z.literal('auto'), z.int().min(1).max(1024)])
      .default('auto')
      .meta({
        description:
          'Processes of each host, which share each batch. "auto": one a GPU, or one on the processor. Their number changes no result but by rounding.',
        examples: ['auto', 2],
      }),
    hosts: z
      .int()
      .min(1)
      .max(4096)
      .default(1)
      .describe(
        'How many hosts share each batch, with as many processes each. Over ssh each has a folder of its own (--on HOST,HOST); elsewhere they have one in common.',
      ),
    rendezvous: z
      .string()
      .regex(rendezvousPattern)
      .optional()
      .meta({
        description:
          'Where the hosts meet, HOST:PORT, on one of them; over ssh the first that is named. If left out: the first host, with a port of its own.',
        examples: ['node-1.example:29400'],
      }),
    devices: z
      .string()
      .optional()
      .meta({
        description:
          'What each host has, where that is not this machine: plan counts with it, and "auto" is chosen for it.',
        examples: ['8xH100'],
      }),
    slurm: z
      .strictObject({
        partition: schedulerWord.optional().describe('Partition of the cluster.'),
        account: schedulerWord.optional().describe('Account that the time is charged to.'),
        qos: schedulerWord.optional().describe('Quality of service.'),
        time: z
          .string()
          .regex(/^\d{1,4}(?:-\d{1,2}(?::\d{2}){0,2}|(?::\d{2}){0,2})$/)
          .optional()
          .meta({
            description: 'Most time of the job, as sbatch reads it. It saves and begins again where that is over.',
            examples: ['2-00:00:00'],
          }),
      })
      .optional()
      .describe('What its job asks the scheduler for.'),
    kubernetes: z
      .strictObject({
        image: z
          .string()
          .regex(/^[a-z0-9][a-zA-Z0-9._/:@-]*$/)
          .default('pytorch/pytorch:latest')
          .describe('Image of a container with Python, PyTorch and safetensors.'),
        claim: clusterName
          .default('distillery')
          .describe('PersistentVolumeClaim that has the exported folder, mounted by all.'),
        namespace: clusterName.optional().describe('Namespace of the job.'),
      })
      .optional()
      .describe('What its manifest names.'),
    strategy: z
      .enum(torchrunStrategies)
      .default('auto')
      .describe(
        '"ddp": each process has the whole student. "fsdp": its parameters, gradients and moments are divided among them. "auto": what plan would choose.',
      ),
    dropout: z
      .enum(torchrunDraws)
      .default('device')
      .describe(
        '"device": PyTorch draws dropout masks where it computes. "exact": those of the other engines to the last bit, drawn one after the other, which is slow.',
      ),
    activationCheckpointing: z
      .boolean()
      .default(false)
      .describe(
        "Keeps of each of the student's blocks its input alone, and computes it again in the backward pass: less memory, a third more time. No result changes but by rounding.",
      ),
    compile: z
      .boolean()
      .default(false)
      .describe(
        'Has torch.compile make kernels of the blocks: a minute or more at the start, faster steps. On a processor it needs a C++ compiler.',
      ),
    interpreter: text()
      .optional()
      .meta({
        description:
          'The Python with PyTorch, by a name that the system finds. If left out, that of the environment variable DISTILLERY_PYTHON, which may be a path, or python3.',
        examples: ['python3.12'],
      }),
  })
  .describe('How the engine "torchrun" trains.');
