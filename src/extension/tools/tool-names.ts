/** @file The tools, by name. A test compares this list with the manifest. */

export const toolNames = [
  'distillery_list_runs',
  'distillery_describe_run',
  'distillery_validate_experiment',
  'distillery_run_experiment',
  'distillery_inspect_text',
] as const;

export type ToolName = (typeof toolNames)[number];
