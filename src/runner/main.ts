/** @file The runner's entry: the program that both the command line and the extension start. */

import { runCommandLine } from './command-line/command-line';

void runCommandLine(process.argv);
