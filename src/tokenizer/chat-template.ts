/**
 * @file What a tokenizer's chat template writes of a prompt and its answer. Templates are a stranger's Jinja: they run no code, and what one
 * may cost is bounded. docs/decisions/0085 says how.
 */

import { Environment, Interpreter, Template } from '@huggingface/jinja';
import { complaint, ComplaintError } from '../protocol/problem';
import { isRecord, type TokenizerConfig } from './tokenizer-json';

/** Characters of a template; the longest that models come with have some 20,000. */
export const LONGEST_TEMPLATE = 2 ** 17;

/** Numbers that `range` gives at most. */
const LONGEST_RANGE = 2 ** 14;

/** Each part of a template that is evaluated costs 1 and the length of what it gives. */
const BASE_BUDGET = 2 ** 16;
const BUDGET_PER_CHARACTER = { template: 4, texts: 64 };

/** A prompt and its answer as the template writes them; the whole is one after the other. */
export interface Turn {
  prompt: string;
  completion: string;
}

interface Message {
  role: 'user' | 'assistant';
  content: string;
}

/** What `raise_exception` of a template says. */
class Refused extends Error {}

/** The template of tokenizer_config.json, as text or as the one named "default" of several; undefined where there is none. */
export function templateIn({ chat_template: template }: TokenizerConfig): string | undefined {
  if (typeof template === 'string') return template;
  if (!Array.isArray(template)) return undefined;
  const found: unknown = template.find((one) => isRecord(one) && one.name === 'default');
  return isRecord(found) && typeof found.template === 'string' ? found.template : undefined;
}

export class ChatTemplate {
  private readonly program: Template['parsed'];
  private readonly baseBudget: number;
  /** It did not come to an end once: with each further row that would take as long again. */
  private isEndless = false;

  /**
   * @param tokens texts of special tokens by the names that templates have for them, such as bos_token
   * @throws ComplaintError where it is no template
   */
  constructor(
    text: string,
    private readonly tokens: Readonly<Record<string, string>>,
  ) {
    if (text.length > LONGEST_TEMPLATE) {
      throw new ComplaintError(complaint('chat-template-too-long', { most: LONGEST_TEMPLATE }));
    }
    this.baseBudget = BASE_BUDGET + BUDGET_PER_CHARACTER.template * text.length;
    try {
      this.program = new Template(text).parsed;
    } catch (error) {
      throw unusable(error);
    }
  }

  /** What a model goes on from to answer a user's message. Throws as `turn`. */
  prompt(content: string): string {
    return this.render([{ role: 'user', content }], true);
  }

  /** @throws ComplaintError where the template refuses these messages, does not end, or does not write the answer after the prompt */
  turn(prompt: string, completion: string): Turn {
    const before = this.prompt(prompt);
    const whole = this.render(
      [
        { role: 'user', content: prompt },
        { role: 'assistant', content: completion },
      ],
      false,
    );
    if (!whole.startsWith(before)) throw new ComplaintError(complaint('chat-template-without-prompt', {}));
    return { prompt: before, completion: whole.slice(before.length) };
  }

  /** As `apply_chat_template` of Python's transformers gives it its variables. */
  private render(messages: readonly Message[], add_generation_prompt: boolean): string {
    if (this.isEndless) throw endless();
    const size = messages.reduce((sum, { content }) => sum + content.length, 0);
    const interpreter = boundedInterpreter(this.baseBudget + BUDGET_PER_CHARACTER.texts * size);
    for (const [name, value] of Object.entries({ ...this.tokens, messages, add_generation_prompt })) {
      interpreter.global.set(name, value);
    }
    try {
      const written: unknown = interpreter.run(this.program).value;
      if (typeof written === 'string') return written;
    } catch (error) {
      if (error instanceof ComplaintError) {
        this.isEndless = true;
        throw error;
      }
      if (error instanceof Refused) {
        throw new ComplaintError(complaint('chat-template-refuses', { reason: error.message }));
      }
      throw unusable(error);
    }
    throw unusable(new Error('It writes no text.'));
  }
}

function unusable(error: unknown): ComplaintError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ComplaintError(complaint('chat-template-unusable', { reason: reason.slice(0, 300) }));
}

const endless = (): ComplaintError => new ComplaintError(complaint('chat-template-endless', {}));

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return value instanceof Map ? value.size : 0;
}

/** One that ends what costs more than its budget: loops, and texts and lists that grow. */
function boundedInterpreter(budget: number): Interpreter {
  const interpreter = new Interpreter(globals());
  const evaluate = interpreter.evaluate.bind(interpreter);
  let left = budget;
  interpreter.evaluate = (statement, environment) => {
    const made = evaluate(statement, environment);
    left -= 1 + sizeOf(made.value);
    if (left < 0) throw endless();
    return made;
  };
  return interpreter;
}

/** Those of the library, `range` bounded; it makes them only for templates that it renders itself. */
function globals(): Environment {
  const environment = new Environment();
  const values = {
    ...{ true: true, false: false, none: null, True: true, False: false, None: null },
    raise_exception: (reason: unknown) => {
      throw new Refused(String(reason).slice(0, 300));
    },
    range,
    strftime_now,
  };
  for (const [name, value] of Object.entries(values)) environment.set(name, value);
  return environment;
}

function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= LONGEST_RANGE)) throw endless();
  return Array.from({ length }, (_, i) => start + i * step);
}

/** As in English: names of months in the machine's language would make other tokens on another machine. */
function strftime_now(format: string): string {
  const now = new Date();
  const two = (value: number): string => String(value).padStart(2, '0');
  const monthAs = (month: 'long' | 'short'): string => new Intl.DateTimeFormat('en', { month }).format(now);
  const parts: Record<string, () => string> = {
    Y: () => String(now.getFullYear()),
    m: () => two(now.getMonth() + 1),
    d: () => two(now.getDate()),
    b: () => monthAs('short'),
    B: () => monthAs('long'),
    H: () => two(now.getHours()),
    M: () => two(now.getMinutes()),
    '%': () => '%',
  };
  return format.replaceAll(/%([YmdbBHM%])/g, (_, key: string) => parts[key]!());
}
