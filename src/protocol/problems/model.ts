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
    remedy: 'Name a folder in Hugging Face layout, or a GGUF file.',
  },
  'model-without-config': {
    message: 'This folder has no config.json.',
    remedy: 'Name a folder in Hugging Face layout, or a GGUF file.',
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
  'sentence-modules-unknown': {
    message:
      'The modules of this model are {modules:names}, and Transformer, Pooling, Dense and Normalize are known, in this order.',
    remedy: 'Use a model without others; Dense and Normalize may be left out.',
  },
  'sentence-module-outside': {
    message: 'A module of this model is said to lie in "{path}", which is no folder in its own.',
    remedy: 'Put its folder beside the list, and name it there.',
  },
  'sentence-pooling-unknown': {
    message: 'This model pools its tokens by {modes:names}.',
    remedy: 'Use one that pools by {known:or} alone.',
  },
  'export-embeddings-exact': {
    message: 'What 8 bits cost a model of embeddings is not measured here.',
    remedy: 'Export it with "f32".',
  },
  'sentence-prompt': {
    message: 'This model puts its prompt "{prompt}" before each text.',
    remedy: 'Put that before the texts of the dataset, and set "default_prompt_name" to null here.',
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
  'characters-map-damaged': {
    message:
      'The `precompiled_charsmap` of this tokenizer.json is damaged: it does not hold the table that it announces.',
    remedy: again,
  },
  'chat-template-too-long': {
    message: 'The chat template of this tokenizer is longer than {most:count} characters.',
    remedy: 'Use a shorter one.',
  },
  'chat-template-unusable': {
    message: 'The chat template of this tokenizer cannot be used: {reason}',
    remedy: 'Compare it with the model’s on its page, or leave "chatTemplate" out.',
  },
  'chat-template-endless': {
    message: 'The chat template of this tokenizer writes too much, or does not come to an end.',
    remedy: 'Use one without long loops.',
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
  'model-pads-with-another': {
    message:
      'To a model of the family {family} token {needed} is the padding token, whatever its config says; here that is token {padId}.',
    remedy: "Use a tokenizer whose padding token is number {needed}, as that of the family's published models.",
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
  'shard-missing': {
    message: 'The index names {shard:json}, which is not there.',
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
  'gguf-several': {
    message: 'This folder has several GGUF files: {files:names}.',
    remedy: 'Name one of them.',
  },
  'gguf-unreadable': {
    message: 'This file cannot be opened.',
    remedy: 'Check that it exists and may be read.',
  },
  'gguf-not-gguf': { message: 'This is no GGUF file: it does not begin with "GGUF".', remedy: again },
  'gguf-big-endian': {
    message: 'This GGUF file is for big-endian processors.',
    remedy: 'Use the little-endian file of this model.',
  },
  'gguf-version': {
    message: 'This GGUF file has version {version}, and known are {known:names}.',
    remedy: 'Convert the model again with the present llama.cpp.',
  },
  'gguf-cut-off': {
    message: 'This GGUF file is cut off: it ends after {bytes} bytes, within its header.',
    remedy: again,
  },
  'gguf-tensor-cut-off': {
    message: 'This GGUF file is cut off: the tensor {tensor} ends at byte {end}, and the file has {size}.',
    remedy: again,
  },
  'gguf-long-header': {
    message: 'This is no intact GGUF file: its header is longer than {mebibytes} MiB.',
    remedy: again,
  },
  'gguf-count-impossible': {
    message: 'This is no intact GGUF file: it claims to have {count} {what}, in {size} bytes.',
    remedy: again,
  },
  'gguf-value-of-unknown-type': {
    message: 'This is no intact GGUF file: {key} has a value of the unknown type {type}.',
    remedy: again,
  },
  'gguf-name-twice': { message: 'This is no intact GGUF file: it has {name} twice.', remedy: again },
  'gguf-alignment': {
    message: 'This is no intact GGUF file: its alignment is {alignment}.',
    remedy: again,
  },
  'gguf-dimensions': {
    message: 'This is no intact GGUF file: the tensor {tensor} has {dimensions} dimensions.',
    remedy: again,
  },
  'gguf-row-not-blocks': {
    message:
      'This is no intact GGUF file: a row of the tensor {tensor} has {row} values, and {type} stores {values} at once.',
    remedy: again,
  },
  'gguf-misaligned': {
    message: 'This is no intact GGUF file: the tensor {tensor} begins at {offset}, which {alignment} does not divide.',
    remedy: again,
  },
  'gguf-overlap': {
    message: 'This is no intact GGUF file: the tensors {tensor} and {other} overlap.',
    remedy: again,
  },
  'gguf-tensor-of-unknown-type': {
    message: 'The tensor {tensor} is stored as {type}.',
    remedy: 'Use a file whose tensors are of: {known:names}; llama-quantize makes one.',
  },
  'gguf-split': {
    message: 'This is one of the {parts} parts of a model.',
    remedy: 'Join them with llama-gguf-split --merge.',
  },
  'gguf-architecture-unknown': {
    message: ['The architecture "{architecture}" is unknown.', 'The key general.architecture is missing.'],
    remedy: 'Use a model whose general.architecture is one of: {known:names}.',
  },
  'gguf-key-missing': {
    message: 'This GGUF file does not say {key}.',
    remedy: 'Convert the model again with the present llama.cpp.',
  },
  'gguf-value-wrong': {
    message: 'In this GGUF file, {key} is not {wanted}.',
    remedy: 'Convert the model again with the present llama.cpp.',
  },
  'gguf-layers-differ': {
    message: '{key} is not the same for all layers, which is not supported.',
    remedy: 'Use a model whose layers are alike.',
  },
  'gguf-head-of-other-width': {
    message: '{key} is {width} and a head has {headSize}, which is not supported.',
    remedy: 'Use a model whose keys and values have one width, and are turned whole.',
  },
  'gguf-experts': {
    message: 'This is a mixture of {experts} experts, which is not supported.',
    remedy: 'Use a model without experts.',
  },
  'gguf-rope-factors': {
    message: "The factors of this model's rotary positions are not of Llama 3's kind.",
    remedy: 'Use a model without them.',
  },
  'gguf-rope-scaling': {
    message: 'The rotary positions are scaled by "{type}", which is unknown.',
    remedy: 'Use a model with: {known:names}.',
  },
  'gguf-tensor-missing': { message: 'The tensor {tensor} is missing.', remedy: 'Use a complete file.' },
  'gguf-tensor-of-other-shape': {
    message: 'The tensor {tensor} has the shape [{found:names}], the metadata means [{wanted:names}].',
    remedy: again,
  },
  'gguf-tensors-unknown': {
    message: [
      'The tensors {tensors:names}, and {more} more, are of no {architecture} model that is supported.',
      'The tensors {tensors:names} are of no {architecture} model that is supported.',
    ],
    remedy: 'Use a model without them.',
  },
  'gguf-without-tokenizer': {
    message: 'This GGUF file has no tokenizer.',
    remedy: 'Name the folder of a tokenizer.json: "tokenizer": {"source": "path", "path": …}.',
  },
  'gguf-tokenizer-unknown': {
    message: 'The tokenizer is of the kind "{kind}".',
    remedy:
      'Use a model whose tokenizer.ggml.model is one of: {known:names}, or name the folder of its tokenizer.json.',
  },
  'gguf-pre-unknown': {
    message: [
      'The tokenizer cuts texts up by the rules "{pre}", which are unknown.',
      'The file does not say by which rules its tokenizer cuts texts up: tokenizer.ggml.pre is missing.',
    ],
    remedy: 'Use a model whose tokenizer.ggml.pre is one of: {known:names}, or name the folder of its tokenizer.json.',
  },
  'gguf-tokenizer-incomplete': {
    message: 'The tokenizer is incomplete: {key} is missing, or not as long as its tokens are many.',
    remedy: 'Convert the model again with the present llama.cpp.',
  },
  'tokenizer-missing': {
    message: 'There is no tokenizer.json in this folder, and no vocabulary of an older kind that is known.',
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
