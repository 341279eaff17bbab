/** @file Verbs that look at an experiment file and train nothing. */

import { Option } from 'commander';
import { links, networks } from '../../distill/planning/devices';
import { formatProblem, InputError } from '../../protocol/problem';
import { torchrunStrategies } from '../../protocol/torchrun';
import type { PlanOptions } from '../commands/plan';
import { devicesNamed, largeCount, wholeNumber } from './arguments';
import { DONE, print, WRONG_INPUT } from './printing';
import type { JsonOption, Verbs } from './verbs';

export function addExperimentVerbs({ verb }: Verbs): void {
  verb('validate <file>', 'check an experiment file').action(async (file: string, { json }: JsonOption) => {
    const { validateExperimentFile } = await import('../../experiment/checks/validate');
    const problems = await validateExperimentFile(file);
    const wrong = problems.some(({ severity }) => severity === 'error');
    print(
      json === true,
      { problems },
      () => problems.map(formatProblem).join('\n') || `${file}: nothing to complain about`,
    );
    process.exitCode = wrong ? WRONG_INPUT : DONE;
  });
  verb('student <file>', 'students that an experiment’s teacher allows: sizes, memory, and what to write').action(
    async (file: string, { json }: JsonOption) => {
      const { studentCommand, studentText } = await import('../commands/student');
      const result = await studentCommand(file);
      print(json === true, result, () => studentText(result));
    },
  );
  verb('plan <file>', 'memory, communication and time of an experiment on devices that need not be here, by arithmetic')
    .option('--devices <devices>', 'of each host, as 8xH100; this machine’s processors if left out', devicesNamed)
    .option('--hosts <n>', 'hosts with as many devices each', wholeNumber)
    .option(
      '--interconnect <name>',
      `instead of the devices’ own: ${[...Object.keys(links), ...Object.keys(networks)].join(', ')}, or a rate such as 40GB/s`,
    )
    .addOption(new Option('--strategy <name>', 'how the student is divided').choices(torchrunStrategies))
    .addOption(
      new Option('--teacher <place>', 'asked in every step, its answers kept before, or a server elsewhere').choices([
        'asked',
        'kept',
        'elsewhere',
      ]),
    )
    .option('--tokens <n>', 'of a corpus, as 300B or 1T, in place of the dataset, which need not be here', largeCount)
    .action(planVerb);
}

interface PlanArguments extends JsonOption, Omit<PlanOptions, 'interconnect'> {
  interconnect?: string;
}

async function planVerb(file: string, { json, interconnect, ...options }: PlanArguments): Promise<void> {
  const { interconnectNamed, planExperiment, planText } = await import('../commands/plan');
  const found = interconnect === undefined ? undefined : interconnectNamed(interconnect, options.hosts ?? 1);
  if (interconnect !== undefined && found === undefined) {
    const known = [...Object.keys(links), ...Object.keys(networks)].join(', ');
    const reason = `The interconnect ${JSON.stringify(interconnect)} is unknown. Give one of ${known}, or a rate such as 40GB/s.`;
    throw InputError.at(file, 'command-line-wrong', { reason });
  }
  const plan = await planExperiment(file, { ...options, interconnect: found });
  print(json === true, plan, () => planText(plan));
}
