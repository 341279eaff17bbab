/** @file Why an engine cannot compute here, or not this. */

import type { Entry } from './templates';

const otherEngine = 'Use the engine "auto" or "cpu".';

/** With `engine` where an experiment asks for it by name. */
const hindrances = {
  'engine-of-another-system': {
    message: [
      'The engine "{engine}" cannot be used: It exists on {systems:both} only.',
      'It exists on {systems:both} only.',
    ],
    remedy: otherEngine,
  },
  'library-not-offered': {
    message: [
      'The engine "{engine}" cannot be used: {title} cannot be had for {platform}.',
      '{title} cannot be had for {platform}.',
    ],
    remedy: otherEngine,
  },
  'library-not-installed': {
    message: ['The engine "{engine}" cannot be used: {title} is not installed.', '{title} is not installed.'],
    remedy: 'Install it: {install}',
    actions: { install: '{library}' },
  },
  'library-of-another-user': {
    message: '{place} belongs to another user (number {uid}), and what is in it would run as you.',
    remedy:
      'Remove the library and install it again, or name a folder of your own in the environment variable DISTILLERY_LIBRARIES.',
    actions: { remove: '{library}', install: '{library}' },
  },
  'library-writable-by-others': {
    message: 'Other users may write {place}, and what is in it would run as you.',
    remedy: 'Take that right from them (chmod go-w), or remove the library and install it again.',
    actions: { remove: '{library}', install: '{library}' },
  },
  'library-behind-link': {
    message: '{place} is a link out of {root}, and what is behind it would run as you.',
    remedy:
      'Remove the library and install it again, or name the folder itself in the environment variable DISTILLERY_LIBRARIES.',
    actions: { remove: '{library}', install: '{library}' },
  },
} as const satisfies Record<string, Entry>;

const onnxruntime = {
  'provider-not-offered': {
    message: 'onnxruntime has no engine "{engine}" for {platform}.',
    remedy: 'It is there on {where}. Use another engine, for example "cpu".',
  },
  'cuda-did-not-start': {
    message: 'The engine "cuda" did not start: {reason}',
    remedy:
      'It needs an NVIDIA driver, CUDA 12 and cuDNN 9 where the system finds libraries. The engine "webgpu" needs only the driver.',
  },
  'directml-did-not-start': {
    message: 'The engine "directml" did not start: {reason}',
    remedy: 'Update the driver of the GPU, or use the engine "webgpu".',
  },
  'coreml-did-not-start': {
    message: 'The engine "coreml" did not start: {reason}',
    remedy: 'Use the engine "webgpu".',
  },
  'cuda-libraries-missing': {
    message: "onnxruntime's libraries for CUDA are not installed: {libraries:both}.",
    remedy:
      'Put them into {folder}; the NuGet package Microsoft.ML.OnnxRuntime.Gpu.Linux {version} has them (runtimes/linux-x64/native). CUDA 12 and cuDNN 9 are needed too. Or use the engine "webgpu", which needs only the driver.',
  },
} as const satisfies Record<string, Entry>;

const webgpu = {
  'webgpu-memory-too-small': {
    message: '{program} needs at least {needed:mebibytes} of GPU memory, {device} has {available:mebibytes}.',
    remedy: 'Use fewer or shorter rows in a batch, a smaller model, or the engine "cpu".',
  },
  'webgpu-tensor-too-large': {
    message: '{tensor} has {size:mebibytes}; the largest tensor on {device} has {largest:mebibytes}.',
    remedy: 'Use a smaller vocabulary or width, or the engine "cpu".',
  },
  'webgpu-no-adapter': {
    message: 'No GPU was found that WebGPU can use.',
    remedy: 'Update the driver of the GPU, or use another engine.',
  },
  'webgpu-no-vulkan-adapter': {
    message: 'No GPU was found that WebGPU can use.',
    remedy:
      'Install the GPU\'s Vulkan driver and libvulkan1 ("vulkaninfo" lists what is there), or use another engine.',
  },
  'webgpu-did-not-start': {
    message: 'WebGPU did not start: {reason}',
    remedy: 'Use another engine, for example "cpu".',
  },
} as const satisfies Record<string, Entry>;

const openvino = {
  'openvino-not-installed': {
    message: 'OpenVINO is not installed.',
    remedy: 'Install it with {install:quoted}, or use the engine "cpu".',
    actions: { install: 'openvino' },
  },
  'openvino-old-glibc': {
    message:
      'The C library of this Linux is too old for OpenVINO, which needs glibc 2.28 or later. ({folder}: {reason})',
    remedy: 'Use the engine "cpu", or a newer system: Debian 10, Ubuntu 20.04, RHEL 8 and later have it.',
  },
  'openvino-no-glibc': {
    message: 'OpenVINO needs a Linux with glibc; this one has another C library. ({folder}: {reason})',
    remedy: 'Use the engine "cpu", or a system with glibc.',
  },
  'openvino-incomplete': {
    message: 'The installed OpenVINO is incomplete, or was made for another system. ({folder}: {reason})',
    remedy: 'Remove it and install it again on this machine.',
    actions: { remove: 'openvino', install: 'openvino' },
  },
  'openvino-no-runtime': {
    message: 'OpenVINO needs the Microsoft Visual C++ runtime, which this Windows does not have. ({folder}: {reason})',
    remedy: 'Install "Microsoft Visual C++ Redistributable" (x64), or use the engine "cpu".',
  },
  'openvino-not-loaded': {
    message: 'OpenVINO cannot be loaded. ({folder}: {reason})',
    remedy: 'Remove it and install it again, or use the engine "cpu".',
    actions: { remove: 'openvino', install: 'openvino' },
  },
  'openvino-no-device': {
    message: 'OpenVINO finds no {device} on this machine, only {devices:names}.',
    remedy: 'Use the device "CPU", or install the driver of the graphics processor.',
  },
  'openvino-computes-wrongly': {
    message: 'OpenVINO computes {output} of {program} wrongly in float32 on this processor, compared with onnxruntime.',
    remedy: 'Use the engine "cpu".',
  },
  'openvino-computes-bfloat16-wrongly': {
    message:
      'OpenVINO computes {output} of {program} wrongly in bfloat16 on this processor, compared with onnxruntime.',
    remedy: 'Use the precision "float32", or the engine "cpu".',
  },
  'openvino-no-bfloat16': {
    message: 'This processor cannot compute in bfloat16: it has neither AMX nor AVX512_BF16.',
    remedy: 'Use the precision "float32".',
  },
} as const satisfies Record<string, Entry>;

const tensorflow = {
  'tensorflow-not-installed': {
    message: 'libtensorflow is not installed.',
    remedy: 'Install it: {install}',
    actions: { install: '{library}' },
  },
  'tensorflow-addon-not-built': {
    message: 'The addon that connects to libtensorflow was not built: there was no C++ compiler.',
    remedy: 'Install a C++ compiler (Debian: apt install g++; macOS: xcode-select --install) and run npm run build.',
  },
  'tensorflow-not-loaded': {
    message: 'libtensorflow in {folder} could not be loaded: {reason}',
    remedy: 'Remove it ({remove}). Install it: {install}',
    actions: { remove: '{library}', install: '{library}' },
  },
  'tensorflow-no-gpu': {
    message: 'TensorFlow {version} found no GPU that it can use.',
    remedy:
      'Check that nvidia-smi lists the GPU (a recent driver is installed), and that the CUDA 12 libraries and cuDNN lie beside libtensorflow in {folder} or on LD_LIBRARY_PATH. TF_CPP_MIN_LOG_LEVEL=0 makes TensorFlow say which it misses.',
  },
  'wasm-not-built': { message: 'The WebAssembly files were not built.', remedy: 'Run npm run build.' },
} as const satisfies Record<string, Entry>;

const interpreterThere =
  'by the setting "distillery.hostInterpreters" of the editor, or by the environment variable DISTILLERY_HOST_PYTHON';

const torchrun = {
  'torchrun-no-interpreter': {
    message: 'Python cannot be started as "{python}": {reason}.',
    remedy: 'Set the environment variable DISTILLERY_PYTHON to an interpreter that has PyTorch.',
  },
  'torchrun-without-torch': {
    message: 'The Python "{python}" cannot load PyTorch: {reason}.',
    remedy:
      'Install it there (-m pip install torch safetensors), or set the environment variable DISTILLERY_PYTHON to another.',
  },
  'torchrun-old-torch': {
    message: 'The Python "{python}" has PyTorch {version}; {least} or newer is needed.',
    remedy: 'Update it (-m pip install --upgrade torch), or set the environment variable DISTILLERY_PYTHON to another.',
  },
  'torchrun-cannot-compile': {
    message: 'The Python "{python}" cannot compile a model by torch.compile: {reason}',
    remedy: 'Install what it needs (on a processor a C++ compiler), or leave "compile" of "torchrun" out.',
  },
  'torchrun-failed': {
    message: 'The training on PyTorch failed (exit code {code}): {reason}',
    remedy:
      'This file has all that its processes said. Mend that, and resume the run: it goes on from its last checkpoint.',
  },
  'torchrun-without-teacher': {
    message: 'The engine "torchrun" does not ask a teacher with "source": "{source}".',
    remedy: 'Use a single model, or another engine.',
  },
  'torchrun-without-lower-rate': {
    message: 'The engine "torchrun" ends where a training diverges.',
    remedy: 'Set "onDivergence" to "stop", or use another engine.',
  },
  'torchrun-without-on-policy': {
    message: 'The engine "torchrun" has no student that writes while it is trained.',
    remedy: 'Leave "onPolicy" out, or use another engine.',
  },
  'torchrun-without-positions': {
    message: 'The engine "torchrun" counts all positions in the distillation loss.',
    remedy: 'Leave "positions" out, or use another engine.',
  },
  'torchrun-without-alignment': {
    message: 'The engine "torchrun" trains with teachers that read the student\'s tokens.',
    remedy: 'Use another engine, or choose models that share a tokenizer and leave "vocabulary" out.',
  },
  'torchrun-without-packing': {
    message: 'The engine "torchrun" packs no rows.',
    remedy: 'Leave "pack" out, or use another engine.',
  },
  'torchrun-devices-unknown': {
    message: 'Nothing is known of the devices "{devices}".',
    remedy: 'Write a count and one of {known:names}, as "8xH100", or leave it out.',
  },
  'torchrun-host-missing': {
    message: 'It is to be trained over ssh, and no host is named; a file does not name one.',
    remedy: 'Say where: --on HOST, by a name that ssh knows.',
  },
  'torchrun-host-named': {
    message: '"{host}" is not the name of a host.',
    remedy: 'Use NAME or USER@NAME of letters, numbers, points and dashes; ports and keys belong in ~/.ssh/config.',
  },
  'torchrun-host-unreachable': {
    message: 'The host {host} cannot be reached over ssh: {reason}',
    remedy: 'Check that "ssh -o BatchMode=yes {host} true" works in a terminal: a key, and a host key that is known.',
    actions: { connect: '{host}' },
  },
  'torchrun-host-failed': {
    message: 'The host {host} could not do what it was asked for: {reason}',
    remedy: 'Mend that, and resume the run.',
  },
  'torchrun-no-interpreter-there': {
    message: 'Python cannot be started as "{python}" on {host}: {reason}.',
    remedy: `Install it there, or name an interpreter of that host: ${interpreterThere}.`,
    actions: { connect: '{host}' },
  },
  'torchrun-without-torch-there': {
    message: 'The Python "{python}" on {host} cannot load what it trains with: {reason}.',
    remedy: `Install PyTorch and safetensors there ({installTorch}), or name another interpreter: ${interpreterThere}.`,
    actions: { installTorch: '{host}' },
  },
  'torchrun-old-torch-there': {
    message: 'The Python "{python}" on {host} has PyTorch {version}; {least} or newer is needed.',
    remedy: `Update it there ({installTorch}), or name another interpreter: ${interpreterThere}.`,
    actions: { installTorch: '{host}' },
  },
  'torchrun-host-without-tar': {
    message: 'The host {host} has no "tar", by which folders are sent.',
    remedy: 'Install it there.',
    actions: { connect: '{host}' },
  },
  'torchrun-host-small': {
    message: 'On {host} the disk of the home folder has only {free:bytes} free.',
    remedy:
      'While it goes on, a training keeps its rows, its teacher and up to three checkpoints in ~/.cache/distillery, there: make room for them.',
    actions: { connect: '{host}' },
  },
  'torchrun-hosts-here': {
    message: 'It is to be trained on {hosts} hosts, and none is named; a file does not name one.',
    remedy:
      'Name them, as ssh knows them: --on HOST,HOST. Or take it along: exported in the format torchrun it is a folder; start its run.sh on each host, or set torchrun.where to "slurm".',
  },
  'torchrun-hosts-named': {
    message: 'It is to be trained on {hosts} hosts, and {named} are named.',
    remedy: 'Name as many (--on HOST,HOST), or leave "hosts" out.',
  },
  'torchrun-host-twice': {
    message: 'The host {host} is named twice.',
    remedy: 'Name each once. How many processes a host has is the setting torchrun.processes.',
  },
  'torchrun-slurm-hosts': {
    message: 'A job of Slurm is submitted from one host, and {named} are named.',
    remedy: 'Name one. How many hosts train is the setting torchrun.hosts.',
  },
  'torchrun-hosts-differ': {
    message: 'The hosts differ: {first} has {firstHas}, {host} has {has}.',
    remedy: 'Use hosts that are alike: the same PyTorch ({installTorch}), and GPUs on all or on none.',
    actions: { installTorch: '{host}' },
  },
  'torchrun-hosts-apart': {
    message: 'From the host {host} the host {first} cannot be reached on port {port}: {reason}.',
    remedy:
      'Hosts that train together speak with one another over TCP, on ports of the system’s choice: let a firewall between them allow that, or name the address of {first} that leads there, HOST:PORT, in torchrun.rendezvous.',
    actions: { connect: '{host}' },
  },
  'torchrun-host-gone': {
    message: 'The host {host} was lost during the training: {reason}.',
    remedy:
      'Resume the run when it is back, or on other hosts (--on): it goes on from its last checkpoint, on any number of them.',
    actions: { connect: '{host}' },
  },
  'torchrun-where-exported': {
    message: 'It is to be trained on "{where}", which this version does not start.',
    remedy: 'Take it along: exported in the format torchrun it is a folder, with what "{where}" is told.',
  },
  'torchrun-slurm-not-here': {
    message:
      'It is to be trained as a job of Slurm, and this machine has none of its programs (sbatch, squeue, scancel).',
    remedy:
      'Name a host that has them, which ssh reaches: --on HOST. Or take it along: exported in the format torchrun it is a folder with slurm.sh.',
  },
  'torchrun-slurm-not-there': {
    message:
      'It is to be trained as a job of Slurm, and the host {host} has none of its programs (sbatch, squeue, scancel).',
    remedy: 'Name a host from which jobs are submitted.',
    actions: { connect: '{host}' },
  },
  'torchrun-slurm-ended': {
    message: 'The job {job} of Slurm has ended before the training: {state}.',
    remedy: 'Resume the run: it is submitted again, and goes on from its last checkpoint. In logs/ is what it said.',
  },
  'torchrun-interpreter-named': {
    message: 'An experiment file, which may be a stranger’s, cannot have "{interpreter}" started.',
    remedy: 'Write "python3" or the like, and set the environment variable DISTILLERY_PYTHON to a path.',
  },
} as const satisfies Record<string, Entry>;

const choice = {
  'precision-of-no-engine': {
    message: 'No engine here computes in {precision}.',
    remedy: 'Use "float32", or install OpenVINO: {install}',
    actions: { install: 'openvino' },
  },
  'device-without-precision': {
    message: '{device} does not compute in {precision}.',
    remedy: 'Leave teacher.precision out.',
  },
  'engine-fails': {
    message: 'It fails: {reason}.',
    remedy: 'Update its driver or library, or use the engine "cpu".',
  },
  'engine-does-not-answer': {
    message: 'It did not answer within {seconds} seconds.',
    remedy: 'Update its driver or library, or use the engine "cpu".',
  },
  'engine-ends': {
    message: 'Its process ended without an answer: {reason}.',
    remedy: 'Update its driver or library, or use the engine "cpu".',
  },
} as const satisfies Record<string, Entry>;

export const engineProblems = {
  ...hindrances,
  ...onnxruntime,
  ...webgpu,
  ...openvino,
  ...tensorflow,
  ...torchrun,
  ...choice,
};
