/** @file What can be wrong with a model's folder: its config, its weights, its tokenizer. */

import type { Entry } from './templates';

const again = 'Copy or download the file again.';

const exportAgain = 'Export the model again: `optimum-cli export onnx --model DIR OUT`.';

export const modelProblems = {
  'onnx-unreadable': {
    message: 'There is no such file, or it may not be read.',
    remedy: 'Name an .onnx file, or a folder with a model.onnx.',
  },
  'onnx-not-a-model': { message: 'This is no ONNX model: there is no graph in it.', remedy: exportAgain },
  'onnx-damaged': { message: 'This ONNX file is damaged at byte {byte:count}: {reason}.', remedy: again },
  'onnx-custom-operators': {
    message: 'The model needs operators of {domains:names}, which onnxruntime has not.',
    remedy: 'Export it without custom operators: libraries with operators are never loaded.',
  },
  'onnx-data-missing': {
    message: 'Its weights lie in "{name}", and there is no such file beside it.',
    remedy: 'Copy all files of the model together.',
  },
  'onnx-data-outside': {
    message: 'Its weights are said to lie in "{name}", which is not below its folder.',
    remedy: 'Put the file beside the model, and save the model with that name alone.',
  },
  'onnx-data-cut-off': {
    message: 'The file has {bytes:count} bytes, and the model reads {wanted:count} of it.',
    remedy: again,
  },
  'onnx-with-cache': {
    message: 'The model wants "{input}": it was exported to continue a text, with keys and values of earlier tokens.',
    remedy: 'Export it without them: `optimum-cli export onnx --task text-generation --model DIR OUT`.',
  },
  'onnx-input-unknown': {
    message: 'The model has an input "{input}", which is none of {known:names}.',
    remedy: 'Export it with these inputs alone.',
  },
  'onnx-input-shape': {
    message: 'The input "{input}" is not made of numbers in rows and columns.',
    remedy: 'Export it with inputs of the shape [batch, length].',
  },
  'onnx-without-ids': { message: 'The model has no input "input_ids".', remedy: 'Export it with that name.' },
  'onnx-without-logits': {
    message: ['None of the outputs {outputs:names} is called "logits".', 'The model has no output.'],
    remedy: 'Export the model with its head: the output "logits" is wanted.',
  },
  'onnx-unfit-for-task': {
    message: 'The output "{output}" has {found} axes, and {task} wants {axes}.',
    remedy: 'Choose a model that was exported for this task, or another task.',
  },
  'onnx-one-class': {
    message: 'The model has one logit, as a regression has.',
    remedy: 'Use a classifier of two classes or more.',
  },
  'onnx-classes-differ': {
    message: '"id2label" names {classes:count} classes, and the model beside it has {width:count} logits.',
    remedy: 'Put the config.json there that belongs to the model.',
  },
  'onnx-fixed-without-mask': {
    message: 'The model takes texts of {length} tokens alone, and has no attention_mask that would tell shorter ones.',
    remedy: 'Export it with an attention_mask, or with dynamic axes.',
  },
  'onnx-fails': { message: 'onnxruntime cannot load the model: {reason}', remedy: exportAgain },
  'onnx-fails-on-text': {
    message: 'The model fails on a text of {length} tokens: {reason}',
    remedy:
      'Lower "maxLength" of the dataset where the model has fewer positions, or export it again with dynamic axes.',
  },
  'model-folder-missing': {
    message: 'There is no such folder.',
    remedy: 'Name a folder in Hugging Face layout.',
  },
  'model-without-config': {
    message: 'This folder has no config.json.',
    remedy: 'Name a folder in Hugging Face layout.',
  },
  'model-without-weights': {
    message: 'This folder has no model.safetensors.',
    remedy: 'Save the model as safetensors: save_pretrained of Python transformers does.',
  },
  'model-config-unreadable': {
    message: 'This file cannot be read as JSON: {reason}.',
    remedy: 'Restore it from where the model came.',
  },
  'model-config-not-object': {
    message: 'This is not a JSON object.',
    remedy: 'Use the config.json of a Hugging Face model folder.',
  },
  'model-family-unknown': {
    message: ['The model family "{family}" is unknown.', 'model_type is missing.'],
    remedy: 'Use a model whose model_type is one of: {known:names}.',
  },
  'model-class-unknown': {
    message: ['The model class {classes:names} is unknown.', '"architectures" is missing.'],
    remedy: 'Use a checkpoint saved from one of: {known:names}. A teacher may be fine-tuned from any: add "training".',
  },
  'model-problem-type': {
    message: 'problem_type is "{value}".',
    remedy: 'Set it to one of: {known:names}, or leave it out.',
  },
  'model-setting-unknown': {
    message: '{key} is "{value}", which is unknown.',
    remedy: 'Use a model with: {known:names}.',
  },
  'model-setting-wrong': { message: '{key} is {value:inline}.', remedy: 'Set it to {wanted}.' },
  'model-setting-not-supported': {
    message: '{key} is {value:inline}: {meaning} is not supported.',
    remedy: 'Use a model without it.',
  },
  'model-class-unnamed': {
    message: 'id2label has no name for class {index}.',
    remedy: 'Number the classes from 0 without a gap.',
  },
  'model-classes-impossible': {
    message: 'The number of classes, num_labels, is {count}.',
    remedy: 'Give a whole number from 1 to {most:count}.',
  },
  'model-larger-than-weights': {
    message: 'This describes {layers:count} layers, and the weights are {tensors:count} tensors.',
    remedy: 'Restore it from where the model came.',
  },
  'model-size-impossible': {
    message: '{size} is {value}.',
    remedy: 'Give a whole number of at least 1.',
  },
  'tokenizer-too-slow': {
    message: 'The expressions of this tokenizer take longer than {seconds} s for one text.',
    remedy: 'Use a tokenizer whose patterns have no repetition within a repetition.',
  },
  'tokenizer-grows-text': {
    message: 'The replacements of this tokenizer make a text {times:count} times longer, or more.',
    remedy: 'Use a tokenizer without them.',
  },
  'model-rate-impossible': {
    message: '{rate} is {value}.',
    remedy: 'Give a probability of at least 0 and below 1.',
  },
  'model-heads-do-not-divide-width': {
    message: '{heads} attention heads do not divide the hidden size {hiddenSize}.',
    remedy: 'Choose a number of heads that divides it without remainder.',
  },
  'model-key-value-heads-do-not-divide': {
    message: '{keyValueHeads} heads of keys and values do not divide the {heads} attention heads.',
    remedy: 'Choose a number of heads of keys and values that divides that of attention heads without remainder.',
  },
  'model-head-size-odd': {
    message: 'A head has the width {headSize}, which makes no pairs for rotary positions to turn.',
    remedy: 'Choose a hidden size and a number of heads whose quotient is even.',
  },
  'model-number-not-positive': { message: '{setting} is {value}.', remedy: 'Give a number above 0.' },
  'model-family-without-head': {
    message: 'The {family} family has no {head} head.',
    remedy: 'Choose {heads:oneof}, or another family.',
  },
  'model-without-classes': {
    message: 'The classification head has no classes.',
    remedy: 'Name at least one class.',
  },
  'model-without-token-types': {
    message: '{family} has no row for token type 0.',
    remedy: 'Set the token type vocabulary to at least 1.',
  },
  'model-head-not-tied': {
    message: 'A {family} {head} head with a matrix of its own is not supported.',
    remedy: 'Use a model whose tie_word_embeddings is true.',
  },
  'tensor-missing-for-config': {
    message: "The tensor {tensor} is missing, which the config's architecture has.",
    remedy: 'Use weights and a config.json that belong together.',
  },
  'tensor-of-other-shape': {
    message: 'The tensor {tensor} has the shape [{found:names}], the config means [{wanted:names}].',
    remedy: 'Use weights and a config.json that belong together.',
  },
  'tensor-not-float': {
    message: 'The tensor {tensor} is stored as {type}, which is no float type.',
    remedy: 'Save the model as float32, float16 or bfloat16.',
  },
  'tensor-of-unknown-type': {
    message: 'The tensor {tensor} is stored as {type}.',
    remedy: 'Save the model as float32, float16 or bfloat16.',
  },
  'tensor-missing': { message: 'The tensor {tensor} is missing.', remedy: 'Use a complete file.' },
  'weights-missing': {
    message: 'This file does not exist.',
    remedy: 'Name a model folder that holds model.safetensors, or model.safetensors.index.json and its shards.',
  },
  'weights-of-pytorch': {
    message: 'This file does not exist.',
    remedy: 'The folder has pytorch_model.bin: load it in Python and call save_pretrained, which writes safetensors.',
  },
  'shard-not-file-name': {
    message: 'The shard of {tensor} is no file name.',
    remedy: 'Copy or download the model again.',
  },
  'weights-index-empty': {
    message: 'The index names no tensor.',
    remedy: 'Copy or download the model again.',
  },
  'model-file-unreadable': {
    message: 'This file cannot be read.',
    remedy: 'Name a Hugging Face model folder.',
  },
  'model-file-not-json': {
    message: 'This is not valid JSON: {reason}.',
    remedy: 'Correct it, or copy or download the file again.',
  },
  'model-file-not-object': { message: 'This is not a JSON object.', remedy: again },
  'safetensors-unreadable': {
    message: 'This file cannot be opened.',
    remedy: 'Check that it exists and may be read.',
  },
  'safetensors-cut-off': { message: 'This safetensors file is cut off.', remedy: again },
  'safetensors-long-header': {
    message: 'This is no intact safetensors file: it claims a header of {bytes} bytes.',
    remedy: again,
  },
  'safetensors-header-not-json': {
    message: 'This is no intact safetensors file: its header is not JSON.',
    remedy: again,
  },
  'safetensors-header-not-object': {
    message: 'This is no intact safetensors file: its header is not an object.',
    remedy: again,
  },
  'safetensors-entry-incomplete': {
    message: 'This is no intact safetensors file: its entry for {tensor} lacks a type, a shape or a place.',
    remedy: again,
  },
  'safetensors-entry-of-other-size': {
    message: 'This is no intact safetensors file: the bytes of {tensor} do not fit its shape.',
    remedy: again,
  },
  'tokenizer-missing': {
    message: 'There is no tokenizer.json in this folder.',
    remedy:
      'Name a folder with a tokenizer.json; Python transformers writes one with save_pretrained of a fast tokenizer.',
  },
  'tokenizer-not-json': {
    message: 'This file is not valid JSON: {reason}.',
    remedy: 'Restore the file from where it came.',
  },
  'tokenizer-config-not-object': {
    message: 'This is not a JSON object.',
    remedy: 'Restore the file or delete it.',
  },
  'tokenizer-unusable': {
    message: 'This tokenizer cannot be used: {reason}',
    remedy: 'Choose another tokenizer.',
  },
} as const satisfies Record<string, Entry>;
