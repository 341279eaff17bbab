/** @file What can be wrong with an experiment file: its JSON, its keys and values, and what they say together. */

import type { Entry } from './templates';
import { withoutInside } from './without-inside';

const syntax = {
  'check-took-too-long': {
    message: 'The files that this experiment names could not be checked within {seconds} s.',
    remedy: 'Run it to hear what is wrong with them, or name smaller files.',
  },
  'further-problems': { message: 'There are further problems.', remedy: 'Mend those that are listed first.' },
  'experiment-not-object': { message: 'An experiment is one object.', remedy: 'Put it in braces: { … }.' },
  'experiment-too-large': {
    message: 'This is too large for an experiment.',
    remedy: 'Name the dataset in it by path.',
  },
  'experiment-empty': { message: 'This file is empty.', remedy: 'Start from an experiment of the sample workspace.' },
  'experiment-too-deep': { message: 'This is nested deeper than {levels} levels.', remedy: 'Remove brackets.' },
  'experiment-cut-off': {
    message: [
      'The file ends too early, inside the object that begins in line {objectLine}.',
      'The file ends too early, inside the list that begins in line {listLine}.',
      'The file ends too early.',
    ],
    remedy: 'Restore the rest, or close what is open.',
  },
  'json-invalid': { message: 'This is not JSON.', remedy: 'Compare it with an experiment of the sample workspace.' },
  'json-symbol': {
    message: 'This is not a JSON value.',
    remedy: 'Put text in double quotes; only true, false, null and numbers stand without.',
  },
  'json-number': { message: 'This is not a JSON number.', remedy: 'Write it as 12, 0.5 or 5e-4.' },
  'json-key-expected': { message: 'A key in double quotes is expected here.', remedy: 'Write "key": value.' },
  'json-value-missing': { message: 'A value is missing here.', remedy: 'Write a value, or remove the key.' },
  'json-colon-missing': { message: 'A colon is missing here.', remedy: 'Write "key": value.' },
  'json-comma-missing': { message: 'A comma is missing before this.', remedy: 'Separate entries with commas.' },
  'json-brace-missing': { message: 'A closing brace is missing here.', remedy: 'Add }.' },
  'json-bracket-missing': { message: 'A closing bracket is missing here.', remedy: 'Add ].' },
  'json-after-end': {
    message: 'Something follows the end of the experiment.',
    remedy: 'Remove what comes after the closing brace.',
  },
  'json-comment-open': { message: 'This comment does not end.', remedy: 'Close it with */.' },
  'json-text-open': { message: 'This text is not closed.', remedy: 'Close it with a double quote.' },
  'json-unicode': {
    message: 'This \\u escape is not complete.',
    remedy: 'Write \\u and four hexadecimal digits.',
  },
  'json-escape': {
    message: 'This escape is unknown.',
    remedy: 'Write a backslash as \\\\, in paths use /.',
  },
  'json-control-character': {
    message: 'This control character may not stand in a text.',
    remedy: 'Remove it, or write it as an escape.',
  },
  'key-twice': { message: '"{key}" is given twice.', remedy: 'Remove one of the two.' },
  'experiment-missing': { message: 'This file does not exist.', remedy: 'Name an experiment file, NAME.distill.json.' },
  'experiment-unreadable': {
    message: 'This file cannot be read: {reason}.',
    remedy: 'Name an experiment file, NAME.distill.json.',
  },
} as const satisfies Record<string, Entry>;

const values = {
  'key-unknown': {
    message: ['"{key}" is not known in "{owner}".', '"{key}" is not known.'],
    remedy: ['Did you mean "{close}"?', 'It belongs {home}.', 'Remove it, or use one of {known:and}.'],
  },
  'key-without-meaning': {
    message: '"{key}" has no meaning with "{chooser}": {chosen:value}.',
    remedy: 'Remove it, or choose "{chooser}": "{wanted}".',
  },
  'key-missing': {
    message: ['"{key}" is missing in {owner}.', '"{key}" is missing.'],
    remedy: ['Add it, for example "{key}": {example:inline}.', 'Add it: {expected:either}.'],
  },
  'value-wrong': {
    message: '{subject} must be {expected:either}, not {value:value}.',
    remedy: ['Write {example:inline}, for example.', 'Write {expected:either}.'],
  },
  'value-not-offered': {
    message: '{subject} cannot be {value:value}.',
    remedy: ['Did you mean "{close}"?', 'Use {choices:or}.'],
  },
  'value-out-of-range': {
    message: '{subject} must be {bound}, not {value}.',
    remedy: ['Write {example:inline}, for example.', 'Write {bound}.'],
  },
  'value-empty': {
    message: '{subject} is empty.',
    remedy: ['Write {example:inline}, for example.', 'Write a value.'],
  },
  'value-wrong-size': {
    message: '{subject} must have {size}.',
    remedy: ['Write {example:inline}, for example.', 'Write one with {size}.'],
  },
} as const satisfies Record<string, Entry>;

const settings = {
  'engine-without-precision': {
    message: 'The engine "{engine}" does not compute in {precision}.',
    remedy: 'Use "float32", or the engine {engines:or}.',
  },
  'teacher-precision-of-engine': {
    message: 'The engine "{engine}" does not ask the teacher in {precision}.',
    remedy: 'Remove it, or choose the engine "{able}".',
  },
  'moments-of-engine': {
    message: 'The engine "{engine}" does not keep moments in {moments}.',
    remedy: 'Remove it, or choose the engine "{able}".',
  },
  'teacher-precision-of-run': {
    message: 'Runs in {runPrecision} do not ask the teacher in {precision}.',
    remedy: 'Remove it, or choose the engine "{able}" and the precision "float32".',
  },
  'unlabelled-without-meaning': {
    message: '"unlabelled" has no meaning for {task}, whose texts are their own labels.',
    remedy: 'Add these files to "train", or choose the task "text-classification".',
  },
  'column-without-meaning': {
    message: '"{column}" has no meaning for {task}.',
    remedy: 'Remove it, or choose the task "{wanted}".',
  },
  'separator-without-labels': {
    message: '"labelSeparator" has no meaning where "labels" is "{labels}".',
    remedy: 'Remove it, or set "labels" to "multiple".',
  },
  'divergence-of-numbers': {
    message: [
      'Labels that are numbers have no distribution, and "{divergence}" compares {how}.',
      'Labels that are numbers have no distribution, so that divergences cannot be tried on them.',
    ],
    remedy: 'Use "mse-logits", the squared difference from the teacher\'s number, or leave "divergence" out.',
  },
  'temperature-of-numbers': {
    message: 'Labels that are numbers have no distribution that a temperature could soften: it is left aside.',
    remedy: 'Remove it.',
  },
  'divergence-of-embeddings': {
    message: 'Embeddings have no distribution, and "{divergence}" compares distributions.',
    remedy:
      'Leave "divergence" out, or use "mse-logits", the squared difference from the teacher\'s embedding, or "cosine-logits".',
  },
  'temperature-of-embeddings': {
    message: 'Embeddings have no distribution that a temperature could soften: it is left aside.',
    remedy: 'Remove it.',
  },
  'smoothing-of-embeddings': {
    message: 'Scores of two texts are no classes that could share what smoothing takes from a label.',
    remedy: 'Remove "label-smoothing" from "controls".',
  },
  'teacher-precision-of-embeddings': {
    message: 'What {precision} costs a teacher is measured by distributions, which embeddings have not.',
    remedy: 'Remove "precision" from the teacher.',
  },
  'scores-without-pairs': {
    message: '"labelColumn" has no meaning for texts by themselves: a score says how similar two are.',
    remedy: 'Name the column of the second text in "pairColumn", or remove "labelColumn".',
  },
  'scores-in-one-split': {
    message:
      'The rows of "{having}" have scores and those of "{lacking}" none: models would be chosen by one measure and judged by another.',
    remedy: 'Name files that both have scores, or both none.',
  },
  'control-without-scores': {
    message: 'Without scores of pairs of texts there is nothing that the control "{control}" could learn from.',
    remedy: 'Leave "controls" out, or name a column of scores in "labelColumn".',
  },
  'alpha-without-scores': {
    message: 'Without scores of pairs of texts there is no student loss, and "alpha" is 1.',
    remedy: 'Leave "alpha" out, or name a column of scores in "labelColumn".',
  },
  'teacher-without-scores': {
    message: 'Without scores of pairs of texts there is nothing that a teacher could be trained on.',
    remedy: 'Name a teacher that makes embeddings already, or a column of scores in "labelColumn".',
  },
  'torchrun-without-embeddings': {
    message: 'The engine "torchrun" does not train sentence-embedding.',
    remedy: 'Remove "engine", or choose "auto".',
  },
  'embeddings-of-source': {
    message: 'A teacher with the source "{source}" cannot be asked for embeddings.',
    remedy: 'Name a folder of sentence-transformers, or the model of an earlier run.',
  },
  'embedding-pooling-assumed': {
    message:
      'This folder does not say what makes embeddings of its hidden states (modules.json): the mean of the tokens is taken.',
    remedy: 'Look whether it was trained so; a folder of sentence-transformers says it.',
  },
  'texts-longer-than-read': {
    message: 'The teacher was made for texts of {tokens} tokens, and maxLength is {maxLength}.',
    remedy: 'Set maxLength to {tokens}, or look whether it reads longer ones well.',
  },
  'ensemble-widths': {
    message: "This teacher's embeddings have {width} elements, and those of the first {first}.",
    remedy: 'Use teachers whose embeddings are as wide.',
  },
  'packing-of-max': {
    message: "Several texts cannot share a row: the {role} takes the largest of each element over a text's tokens.",
    remedy: 'Remove "pack".',
  },
  'smoothing-of-numbers': {
    message: 'Labels that are numbers have no other classes that a part of them could be given to.',
    remedy: 'Leave "label-smoothing" out of "controls".',
  },
  'teacher-precision-of-numbers': {
    message:
      'What "{precision}" costs a teacher is measured on distributions, which labels that are numbers do not have.',
    remedy: 'Leave "precision" out.',
  },
  'teacher-of-other-labels': {
    message: 'This model predicts "{found}" labels by its config.json, and those of the dataset are "{labels}".',
    remedy:
      'Set "labels" of the experiment\'s "dataset", or problem_type in config.json where that is wrong or missing (single_label_classification, multi_label_classification, regression), or fine-tune it: add "training".',
  },
  'teacher-without-sizes': {
    message: 'An ONNX file says nothing of its blocks and widths, from which students could be made.',
    remedy: 'Choose the sizes of "student.architecture" yourself.',
  },
  'teacher-of-several-numbers': {
    message: 'This model predicts {numbers} numbers, and a row has one.',
    remedy: 'Use a teacher with one output, or fine-tune it: add "training".',
  },
  'seed-twice': {
    message: 'Seed {seed} is named twice: it would give the same student again.',
    remedy: 'Name each seed once.',
  },
  'sequence-level-of-task': {
    message: '"sequenceLevel" is for causal-lm: a {task} model writes nothing.',
    remedy: 'Remove it.',
  },
  'sequence-level-without-prompts': {
    message: '"sequenceLevel" needs prompts for the teacher to go on from.',
    remedy: 'Name the columns "promptColumn" and "completionColumn" of the dataset.',
  },
  'sequence-level-of-source': {
    message: '"sequenceLevel" needs a teacher whose weights are here; that of "{source}" is asked about texts alone.',
    remedy: 'Remove it, or name a checkpoint or a run as the teacher.',
  },
  'sequence-level-writes-nothing': {
    message: 'The teacher ends the text right after each of the prompts: there is nothing to learn from.',
    remedy: 'Leave "sequenceLevel" out, or use a teacher that was trained on prompts like these.',
  },
  'positions-of-task': {
    message: '"positions" is for language models: a {task} model has one prediction a row.',
    remedy: 'Remove it.',
  },
  'on-policy-of-task': {
    message: '"onPolicy" is for causal-lm: a {task} model writes nothing.',
    remedy: 'Remove it.',
  },
  'on-policy-of-endpoint': {
    message:
      '"onPolicy" needs a teacher that is here: of each text that the student writes a server would be asked anew, in every step.',
    remedy: 'Remove it, or name a checkpoint, a run or an ONNX file as the teacher.',
  },
  'on-policy-of-packed': {
    message: '"onPolicy" does not go with "pack": what the student writes has rows of its own.',
    remedy: 'Remove one of the two.',
  },
  'prompt-without-completion': {
    message: 'A prompt needs a completion to be learnt.',
    remedy: 'Name the column of the completion as "completionColumn".',
  },
  'chat-template-of-task': {
    message: '"chatTemplate" is for causal-lm with a prompt and its completion: a {task} model answers nothing.',
    remedy: 'Remove it.',
  },
  'chat-template-without-columns': {
    message: '"chatTemplate" writes a prompt and its answer, and the dataset names no columns of these.',
    remedy: 'Name them as "promptColumn" and "completionColumn", or remove it.',
  },
  'chat-template-of-trained': {
    message: 'A tokenizer that is trained on the texts has no chat template.',
    remedy: 'Use the tokenizer of a model that has one, or remove "chatTemplate".',
  },
  'chat-template-missing': {
    message:
      'The tokenizer has no chat template: none in chat_template.jinja beside it, as "chat_template" in tokenizer_config.json (a text, or one named "default"), or as tokenizer.chat_template in a GGUF file.',
    remedy: 'Put the template into chat_template.jinja beside the tokenizer, or remove "chatTemplate".',
  },
  'validation-not-named': {
    message: 'No validation rows are named, so a tenth of the training rows is held out.',
    remedy: 'Name a file, or a fraction such as 0.1, as "validation".',
  },
  'tokenizer-not-trained-yet': {
    message: 'The teacher is trained here, so it has no tokenizer yet.',
    remedy: 'Write "tokenizer": {"source": "train", "kind": …, "vocabularySize": …}, or name one by path.',
  },
  'tokenizer-not-the-teachers': {
    message: 'The teacher knows only the tokens that it was trained with.',
    remedy:
      'Use "tokenizer": {"source": "teacher"}, or, but for masked-lm, let it keep its own: "vocabulary": "align" in "distillation".',
  },
  'align-of-task': {
    message: '"align" is not for {task}: what one tokenizer masks is no token of another.',
    remedy: 'Remove it, and choose models that share a tokenizer.',
  },
  'align-of-endpoint': {
    message: 'A server is asked about texts, which it reads by its own tokenizer: there is nothing to align.',
    remedy: 'Remove it.',
  },
  'align-of-trained': {
    message: 'The teacher is trained here from nothing, and has no tokenizer of its own.',
    remedy: 'Remove it: teacher and student share the tokenizer of "tokenizer".',
  },
  'align-of-one-tokenizer': {
    message: 'The student has the tokenizer of the teacher: there is nothing to align.',
    remedy: 'Remove it, or name another one for the student as "tokenizer".',
  },
  'align-of-used-tokens': {
    message: 'Tokens are left out of teacher and student alike, and this teacher has others.',
    remedy: 'Remove "tokens", or "vocabulary".',
  },
  'align-of-started-student': {
    message:
      'The student knows the tokens of the checkpoint that it starts from, and none that are learnt from the rows.',
    remedy: 'Choose the source "path" and name {path:json} as the "path" of "tokenizer" too.',
  },
  'align-of-preset': {
    message: "A preset makes the student of its teacher's sizes and blocks, and this student has other tokens.",
    remedy: 'Describe it as "architecture", or name the checkpoint that it starts from.',
  },
  'spans-without-setting': {
    message:
      'Language models with different tokenizers are compared span by span; "{setting}" is for models that predict the same tokens.',
    remedy: 'Remove it, or "vocabulary".',
  },
  'spans-of-logits': {
    message: '{divergence} compares logits, and those of different vocabularies are on no common scale.',
    remedy: 'Choose a divergence of distributions, such as "forward-kl" or "jsd".',
  },
  'spans-of-source': {
    message: 'Language models with different tokenizers have one teacher, whose weights are here: "{source}" is none.',
    remedy: 'Use "checkpoint" or "run", or remove "vocabulary".',
  },
  'spans-of-engine': {
    message:
      'Language models with different tokenizers are compared by sorted probabilities, and {engine} does not sort.',
    remedy: 'Use "auto" or one of {engines:or}.',
  },
  'tokenizer-kind-lacks-token': {
    message: 'A {kind} tokenizer has no {token} token, which {task} needs.',
    remedy: 'Use "{needed}".',
  },
  'architecture-differs': {
    message: '"{key}" is {value:json} here and {found:json} in the folder that the student starts from.',
    remedy: 'Write what the folder has, or leave out "architecture".',
  },
  'architecture-missing': {
    message: '"architecture" is missing in "student".',
    remedy: 'Add it: an object with "family", "hiddenSize", "layers" and "heads".',
  },
  'family-unfit-for-task': {
    message: 'A {family} model cannot do {task}.',
    remedy: 'Use {families:or}.',
  },
  'heads-do-not-divide-width': {
    message: '{heads} heads do not divide the width {hiddenSize} evenly.',
    remedy: 'Use {divisors:either} heads, or another "hiddenSize".',
  },
  'key-value-heads-of-family': {
    message: 'A {family} model has as many heads of keys and values as attention heads.',
    remedy: 'Leave out "keyValueHeads", or choose another family.',
  },
  'key-value-heads-do-not-divide': {
    message: '{keyValueHeads} heads of keys and values do not divide the {heads} attention heads evenly.',
    remedy: 'Use {divisors:either}.',
  },
  'head-size-odd': {
    message: 'A head has the width {size}, which is odd: the rotary positions of a {family} model turn pairs.',
    remedy: 'Choose a "hiddenSize" that is an even multiple of "heads".',
  },
  'positions-too-few': {
    message: 'The model has {positions} positions, but examples have up to {maxLength} tokens.',
    remedy: 'Raise "maxPositions", or lower "maxLength" of the dataset.',
  },
  'nothing-distilled': {
    message: 'Nothing is distilled: alpha 0 leaves only the hard labels, and nothing inside the teacher is imitated.',
    remedy: 'Raise "alpha", or add {losses:or}.',
  },
  'warmup-too-long': {
    message: 'The warm-up of {warmup} updates is not over when training ends after {updates}.',
    remedy: 'Use fewer updates, or a fraction such as 0.1.',
  },
  'sweep-missing': {
    message: 'This experiment has no sweep.',
    remedy: 'Add one, for example "sweep": {"distillation.temperature": [1, 2, 4, 8]}, or use {run:quoted}.',
    actions: { run: '{file}' },
  },
  'study-without-control': {
    message: 'A study compares students with their controls, and this experiment has none.',
    remedy: 'Remove "controls", or write ["no-distillation"].',
  },
  'study-of-trained-teacher': {
    message: 'How many labels a teacher saves cannot be studied with one that is trained on the same labels.',
    remedy: 'Run the experiment once and name its teacher: "teacher": {"source": "run", "run": …}.',
  },
  'study-of-other-task': {
    message: 'Families cannot be compared for {task}: encoders or decoders cannot learn it.',
    remedy: 'Choose an experiment of the task "text-classification".',
  },
  'sweep-left-aside': {
    message: 'A run leaves "sweep" aside.',
    remedy: 'Use {sweep:quoted} to try its values.',
    actions: { sweep: '{file}' },
  },
  'sweep-of-fixed-setting': {
    message: '"{setting}" cannot be swept.',
    remedy: 'Name a setting that a run depends on.',
  },
  'sweep-too-large': {
    message: 'The sweep has {combinations} combinations, more than {most}.',
    remedy: 'Name fewer values.',
  },
} as const satisfies Record<string, Entry>;

const models = {
  'teacher-unfit-for-task': {
    message: 'The teacher is a {head} model, which does not fit the task {task}.',
    remedy: 'Choose a teacher that was trained for this task, or another task, or fine-tune this one: add "training".',
  },
  'teacher-without-tokenizer': {
    message: 'The teacher has no tokenizer.',
    remedy: 'Put its tokenizer.json into its folder, or write "tokenizer": {"source": "path", "path": …}.',
  },
  'tokenizer-not-in-folder': {
    message: 'This folder has no tokenizer.json.',
    remedy: 'Name a folder that has one.',
  },
  'tokenizer-lacks-token': {
    message: 'The tokenizer has no {token} token, which {task} needs.',
    remedy: 'Use a tokenizer that has one.',
  },
  'tokenizer-larger-than-model': {
    message: 'The tokenizer has {tokens:count} tokens, the {role} knows only {known:count}.',
    remedy: 'Teacher and student need the tokenizer that they were trained with.',
  },
  'examples-longer-than-model': {
    message: 'Examples have up to {maxLength} tokens, the {role} has {positions} positions.',
    remedy: 'Lower it to at most {positions}.',
  },
  'tokenizer-of-another-model': {
    message: 'The {role} was trained with another tokenizer, so that equal ids are not equal tokens.',
    remedy: [
      'Let the teacher keep its own, by "vocabulary": "{vocabulary}" in "distillation", or choose models that share one.',
      'Name {path:json} as the "path" of "tokenizer" too, and let the teacher keep its own.',
      'Choose models that share a tokenizer, and use that one.',
    ],
  },
  'aligned-teacher-without-tokenizer': {
    message: 'The teacher is to read texts by its own tokenizer, and has none in its folder.',
    remedy: 'Put its tokenizer.json there, or remove "vocabulary".',
  },
  'ensemble-of-other-tokenizers': {
    message: 'This member was trained with another tokenizer than the first.',
    remedy: 'Choose members that share one.',
  },
  'teacher-lacks-class': {
    message: 'The teacher has no class {labels:list}.',
    remedy: 'Its classes are {classes:list}: rename the labels, or use another teacher.',
  },
  'ensemble-of-one': {
    message: 'An ensemble of one model is that model.',
    remedy: 'Add another, give a trained one "seeds", or name the model as the teacher itself.',
  },
  'ensemble-weights': {
    message: 'There are {weights} weights for {teachers} entries of "teachers".',
    remedy: 'Give one for each entry, or none: then all count alike.',
  },
  'ensemble-classes': {
    message: "This member's classes are {classes:list}, the first one's {first:list}.",
    remedy: 'Choose models with the same classes in the same order.',
  },
  'packing-of-source': {
    message: 'Rows cannot be packed for a teacher with "source": "{source}", which is asked about each by itself.',
    remedy: 'Leave "pack" out.',
  },
  'packing-of-mean': {
    message: 'Rows cannot be packed: The {role} classifies a text by the mean of its tokens, not by its first.',
    remedy: 'Leave "pack" out.',
  },
  'packing-of-last': {
    message: 'Rows cannot be packed: The {role} classifies a text by its last token, not by its first.',
    remedy: 'Leave "pack" out, or use an encoder.',
  },
  ...withoutInside('ensemble', {
    message: (_, what) => `A mean of probabilities has no ${what}.`,
    instead: 'use a single teacher',
  }),
  'ensemble-without-blocks': {
    message: 'An ensemble has no blocks of its own to start the student from.',
    remedy: 'Use "random" or "checkpoint".',
  },
  ...withoutInside('aligned', {
    message: (_, what) =>
      `A teacher that reads its own tokens has no ${what}: nothing in it is of the student's tokens.`,
    instead: 'choose models that share a tokenizer, and remove "vocabulary"',
  }),
  'aligned-without-blocks': {
    message:
      'The embeddings of a teacher that reads its own tokens are not those of the tokens that the student reads.',
    remedy: 'Use "random" or "checkpoint".',
  },
  ...withoutInside('opaque', {
    message: (verb, what) => `An ONNX file shows its logits alone: there ${verb} no ${what}.`,
    instead: 'name the checkpoint that the file was exported from',
  }),
  'opaque-without-blocks': {
    message: 'An ONNX file has no blocks to start the student from.',
    remedy: 'Use "random" or "checkpoint".',
  },
  'kept-logits-without-meaning': {
    message: "This teacher's answers are kept as they come.",
    remedy: 'Remove it. It is for one causal language model as the teacher, on an engine that is built in.',
  },
  'sampled-logits-of-objective': {
    message: 'Drawn tokens stand for all others by the forward KL at temperature 1 alone.',
    remedy: 'Set "temperature": 1 and "divergence": "forward-kl", or keep { "top": 64 }.',
  },
  'sampled-logits-of-ensemble': {
    message: 'Of an ensemble nothing is drawn: what is kept of its members is mixed afterwards.',
    remedy: 'Keep { "top": 64 }.',
  },
  'kept-logits-of-divergence': {
    message: '"{divergence}" compares all logits, and of some the others cannot be told.',
    remedy: 'Keep "all", or choose a divergence of probabilities.',
  },
  'onnx-classes-assumed': {
    message: 'No config.json beside the file names its classes. They are taken to be, in this order, {classes:list}.',
    remedy: 'Put its config.json, with "id2label", beside it.',
  },
  'onnx-other-classes': {
    message: 'The model has {width:count} logits for {classes:count} classes.',
    remedy: 'Use rows with the classes that it was trained for.',
  },
  'teacher-of-run-is-onnx': {
    message: 'The teacher of this run is an ONNX file, which is not a model of the run.',
    remedy: 'Name the file itself: "teacher": {"source": "onnx", "path": …}.',
  },
  'blocks-frozen-beyond': {
    message: '{frozenBlocks} blocks cannot be frozen: the model has {layers}.',
    remedy: 'Freeze {layers} at most; its head alone is trained then.',
  },
  'student-larger-than-teacher': {
    message: "The student has {student:count} parameters, more than the teacher's {teacher:count}.",
    remedy: 'Give the student fewer layers or a smaller width.',
  },
  'layer-out-of-range': {
    message: 'The {role} has no block {layer}: pairs count blocks from 0.',
    remedy: ['Use 0 to {last}.', 'Use 0.'],
  },
  'attention-of-other-heads': {
    message:
      'The student has {student} attention heads and the teacher {teacher}: the attention of a head is compared with that of the head of its place.',
    remedy:
      'Give the student {teacher} heads, or imitate "relations", for which any number will do, or hidden states ("hidden") in place of attention.',
  },
  'relation-heads-do-not-divide': {
    message: '{heads} relation heads do not divide the "{kind}" of the {role} evenly, which are {width} wide.',
    remedy: 'Use {divisors:either}.',
  },
  'relation-heads-of-student': {
    message:
      'There are as many relation heads as the student has heads, {heads}, and these do not divide the "{kind}" of the {role} evenly, which are {width} wide.',
    remedy: 'Say how many: "heads": {divisors:either}.',
  },
  'start-of-another-family': {
    message: 'The student is a {student} model, the teacher a {teacher} model.',
    remedy: 'Choose the same family, or a random initialization.',
  },
  'start-of-another-width': {
    message: "The student's {width} is {student}, the teacher's {teacher}.",
    remedy: 'Give the student the same, or choose a random initialization.',
  },
  'tokens-of-teacher-not-cut': {
    message: 'The vocabulary of a teacher that this run trains, or of an ONNX file, cannot be cut.',
    remedy: 'Remove "tokens"; or train the teacher in a run of its own, and name that as the teacher here.',
  },
  'tokens-of-student-not-cut': {
    message: 'A student that starts from a folder has the whole vocabulary of its embeddings.',
    remedy: 'Remove "tokens", or let the student start from the teacher or from random weights.',
  },
  'tokens-of-kind-not-cut': {
    message: 'Tokens of a {kind} tokenizer cannot be left out, only of {known:names}.',
    remedy: 'Remove "tokens".',
  },
  'preset-beside': {
    message: '"{key}" says what "preset" says already.',
    remedy: 'Remove one of the two.',
  },
  'preset-impossible': {
    message: 'This teacher allows no student of {preset} that is smaller than it.',
    remedy: [
      'Take {others:oneof}, or choose the sizes of "student.architecture" yourself.',
      'Choose the sizes of "student.architecture" yourself.',
    ],
  },
  'start-wider-than-teacher': {
    message: "The student's {width} is {student}, the teacher's {teacher}.",
    remedy: 'Give the student no more, or choose a random initialization.',
  },
  'start-of-other-head-size': {
    message:
      'Heads of the teacher are {size} wide, which {heads} heads in a hidden size of {hiddenSize} are not; a {family} model can have no others.',
    remedy:
      'Give hidden size and heads in that proportion, as {fitting} with {heads} heads, or choose a random initialization.',
  },
  'start-with-more-queries-shared': {
    message: 'In the student {student} heads share keys and values, in the teacher {teacher}.',
    remedy: 'Give the student at least {keyValueHeads} heads of keys and values, and a number that divides its heads.',
  },
  'start-with-more-positions': {
    message: 'The student has {student} positions, the teacher only {teacher}.',
    remedy: 'Give the student no more positions than the teacher has.',
  },
  'start-of-other-depth': {
    message: '{chosen} teacher layers are chosen for {layers} student layers.',
    remedy: 'Choose one teacher layer for each layer of the student.',
  },
  'start-layer-out-of-range': {
    message: 'The teacher has no layer {layer}.',
    remedy: 'Choose layers from 0 to {last}.',
  },
} as const satisfies Record<string, Entry>;

const samples = {
  'sample-folder-is-file': {
    message: 'This is a file, not a folder.',
    remedy: 'Name a folder for the sample workspace.',
  },
  'sample-in-the-way': {
    message: 'This already exists and is not the sample of that name.',
    remedy: 'Choose another folder, or move it away.',
  },
} as const satisfies Record<string, Entry>;

export const experimentProblems = { ...syntax, ...values, ...settings, ...models, ...samples };
