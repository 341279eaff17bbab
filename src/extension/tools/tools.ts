/** @file Tools for language models in chat: they see runs, check and run experiments, and ask the models about a text. */

import { Disposable, LanguageModelTextPart, LanguageModelToolResult, lm, type LanguageModelTool } from 'vscode';
import { errorForChat } from './chat-words';
import { toolNames, type ToolName } from './tool-names';

/** What a tool does, without how its answer is wrapped. */
export interface Tool<Input> {
  /** What the person is told while it works, and asked before it where it changes something. */
  prepare?: LanguageModelTool<Input>['prepareInvocation'];
  /** Plain text or data for the model. What it throws is told to the model too, with its remedy. */
  answer: (input: Input) => Promise<unknown>;
}

export function registerTools(tools: Record<ToolName, Tool<never>>): Disposable {
  return Disposable.from(...toolNames.map((name) => lm.registerTool(name, implement(tools[name] as Tool<object>))));
}

function implement({ prepare, answer }: Tool<object>): LanguageModelTool<object> {
  return {
    ...(prepare && { prepareInvocation: prepare }),
    invoke: async ({ input }) => {
      const told = await answer(input).catch((error: unknown) => {
        throw new Error(errorForChat(error));
      });
      const text = typeof told === 'string' ? told : JSON.stringify(told);
      return new LanguageModelToolResult([new LanguageModelTextPart(text)]);
    },
  };
}
