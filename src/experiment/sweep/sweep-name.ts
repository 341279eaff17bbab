/** @file What the combinations of a sweep are called: `T=4, α=0.5`. */

/** Short names that people use. */
const SYMBOLS: Readonly<Record<string, string>> = {
  'distillation.temperature': 'T',
  'distillation.alpha': 'α',
  'distillation.beta': 'β',
};

/** Swept settings with their values, each setting by its symbol, its last key, or as much of its path as tells it from others. */
export function choicesText(values: Readonly<Record<string, unknown>>): string {
  const settings = Object.keys(values);
  return settings.map((setting) => `${settingName(setting, settings)}=${valueText(values[setting])}`).join(', ');
}

/** The name of a setting among others. */
export function settingName(setting: string, others: readonly string[]): string {
  const symbol = SYMBOLS[setting];
  if (symbol !== undefined) return symbol;
  const keys = setting.split('.');
  for (let count = 1; count < keys.length; count++) {
    const name = keys.slice(-count).join('.');
    const isShared = others.some((other) => other !== setting && `.${other}`.endsWith(`.${name}`));
    if (!isShared) return name;
  }
  return setting;
}

/** A value as short as it can be: texts without quotes, a schedule as `8→2`. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'from' in value && 'to' in value) {
    return `${valueText(value.from)}→${valueText(value.to)}`;
  }
  return JSON.stringify(value);
}
